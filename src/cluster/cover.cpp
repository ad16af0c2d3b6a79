#include "cover.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "limits.hpp"

namespace tajo::cluster {
namespace {

struct Search {
  std::vector<std::pair<Rank, Rank>> edges;
  std::map<Rank, int> degree;
  const std::set<Rank>* masters;
  std::set<Rank> best;
  bool found = false;
  int budget = 200'000;  // steps: more than any graph of kExactLinks links needs in practice, some 10 ms at most

  /// Smaller is better.
  auto weight(const std::set<Rank>& c) const {
    long suspected = 0;
    long master_count = 0;
    long ranks = 0;
    for (Rank r : c) {
      suspected += degree.at(r);
      master_count += masters->contains(r) ? 1 : 0;
      ranks += r;
    }
    return std::tuple(c.size(), -suspected, master_count, -ranks);
  }

  void branch(std::set<Rank>& chosen, Rank self) {
    if (--budget < 0 || (found && chosen.size() > best.size())) return;
    auto open = std::find_if(edges.begin(), edges.end(),
                             [&](const auto& e) { return !chosen.contains(e.first) && !chosen.contains(e.second); });
    if (open == edges.end()) {
      if (!found || weight(chosen) < weight(best)) best = chosen;
      found = true;
      return;
    }
    if (found && chosen.size() >= best.size()) return;
    for (Rank r : {open->first, open->second}) {
      if (r == self) continue;
      chosen.insert(r);
      branch(chosen, self);
      chosen.erase(r);
    }
  }
};

}  // namespace

std::set<Rank> smallest_cover(const std::set<std::pair<Rank, Rank>>& bad_links, Rank self,
                              const std::set<Rank>& masters) {
  Search s;
  s.masters = &masters;
  std::set<std::pair<Rank, Rank>> seen;
  for (auto [a, b] : bad_links) {
    if (a == b || !seen.insert(std::minmax(a, b)).second) continue;
    s.edges.emplace_back(std::min(a, b), std::max(a, b));
    ++s.degree[a];
    ++s.degree[b];
  }
  std::set<Rank> chosen;
  if (s.edges.size() <= kExactLinks) {
    s.branch(chosen, self);
    if (s.found && s.budget >= 0) return s.best;
    chosen.clear();
  }
  for (;;) {  // greedily: whoever has most bad links left
    std::map<Rank, int> left;
    for (auto [a, b] : s.edges) {
      if (chosen.contains(a) || chosen.contains(b)) continue;
      if (a != self) ++left[a];
      if (b != self) ++left[b];
    }
    if (left.empty()) return chosen;
    auto worst = std::max_element(left.begin(), left.end(), [&](const auto& x, const auto& y) {
      return std::tuple(x.second, !masters.contains(x.first), x.first) <
             std::tuple(y.second, !masters.contains(y.first), y.first);
    });
    chosen.insert(worst->first);
  }
}

}  // namespace tajo::cluster
