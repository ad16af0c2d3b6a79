#include "list_load.hpp"

#include <algorithm>

#include "sim.hpp"

namespace tajo::sim {

namespace {
constexpr int kKeys = 3;
constexpr std::uint64_t kWriteIds = 1'000'000;  // ids of one client's statements
}  // namespace

ListLoad::ListLoad(Sim& sim) : sim_(sim) {
  for (int i = 0; i < sim.options.clients; ++i) {
    clients_.emplace_back();
    clients_.back().number = i + 1;
  }
}

std::unique_ptr<Service> ListLoad::serve(SimRank& rank) { return std::make_unique<ListService>(rank, *this); }

void ListLoad::start() {
  for (Client& c : clients_)
    sim_.events.after(kSecond + static_cast<Micros>(sim_.rng.below(kSecond)), [this, &c] { next_statement(c); });
}

void ListLoad::prolong() {
  for (Client& c : clients_)
    if (!c.busy) next_statement(c);
}

void ListLoad::on_death(SimRank& rank) {
  for (Client& c : clients_) {  // its clients see their connection break
    if (!c.busy || c.host != rank.host) continue;
    sim_.events.after(5 * kMs, [this, &c, n = c.statement.number, attempt_number = c.statement.attempt] {
      if (c.statement.attempt == attempt_number) attempt(c, n);
    });
  }
}

void ListLoad::check(const journal::Record& r, const cluster::View& view) {
  if (r.kind != journal::RecordKind::kRequest) return;
  Lists::Write w = Lists::decode(r.payload);
  if (!seen_.insert(w.id).second) sim_.bad("statement " + std::to_string(w.id) + " is applied twice");
  if (w.by != kNoRank && view.incarnation(w.by) != w.incarnation)
    sim_.bad("result of rank " + std::to_string(w.by) + " from outside the view");
  lists_[w.key].push_back(w.id);
}

void ListLoad::finish() {
  for (const auto& [key, ids] : acknowledged_)
    for (std::uint64_t id : ids)
      if (!seen_.contains(id)) {
        sim_.bad("acknowledged write " + std::to_string(id) + " is lost");
        break;
      }
  for (const Read& r : reads_) {
    const auto& list = lists_[r.key];
    if (r.values.size() > list.size() || !std::equal(r.values.begin(), r.values.end(), list.begin())) {
      sim_.bad("the read of key " + std::to_string(r.key) + " at " + std::to_string(r.when / kMs) +
               " ms saw what is not in the log");
      break;
    }
  }
}

void ListLoad::next_statement(Client& c) {
  if (sim_.now() > seconds(sim_.options.end_s) - kSecond) return;
  Statement s;
  s.number = c.statement.number + 1;
  s.client = c.number;
  s.write = sim_.rng.chance(sim_.options.writes);
  s.task = s.write && sim_.rng.chance(0.3);
  s.key = static_cast<std::uint8_t>(sim_.rng.below(kKeys));
  s.id = static_cast<std::uint64_t>(c.number) * kWriteIds + s.number;
  c.statement = s;
  c.busy = true;
  attempt(c, s.number);
}

void ListLoad::attempt(Client& c, std::uint32_t number) {
  if (!c.busy || c.statement.number != number) return;
  ++c.statement.attempt;
  Statement s = c.statement;
  if (!s.write) {
    s.id = (s.id << 16) | s.attempt;  // every attempt of a read is a statement of its own
    c.acknowledged_before = acknowledged_[s.key].size();
  }
  std::vector<SimRank*> candidates;
  for (auto& r : sim_.ranks)
    if (r->takes_clients() && (r->alive || sim_.rng.chance(0.1))) candidates.push_back(r.get());
  if (!candidates.empty()) {
    SimRank* to = candidates[sim_.rng.below(candidates.size())];
    c.host = to->host;
    sim_.events.after(300, [to, s] { to->run([to, s] { static_cast<ListService&>(*to->service).request(s, to->rank); }); });
  }
  std::uint32_t attempt_number = c.statement.attempt;
  sim_.events.after(seconds(1.5 + 2 * sim_.rng.uniform()), [this, &c, number, attempt_number] {
    if (c.statement.attempt == attempt_number) attempt(c, number);
  });
}

void ListLoad::to_client(const Statement& s, Answer result, const std::vector<std::uint64_t>& values) {
  sim_.events.after(300, [this, s, result, values] {
    Client& c = clients_[static_cast<std::size_t>(s.client - 1)];
    if (!c.busy || c.statement.number != s.number) return;
    if (!s.write && c.statement.attempt != s.attempt) return;
    if (result != Answer::kOk) {
      sim_.events.after(200 * kMs, [this, &c, n = s.number] { attempt(c, n); });
      return;
    }
    ++sim_.statements;
    sim_.last_answer = sim_.now();
    sim_.answers.push_back(sim_.now());
    auto& acked = acknowledged_[s.key];
    if (s.write) {
      ++sim_.writes_done;
      acked.push_back(s.id);
    } else {
      ++sim_.reads_done;
      for (std::size_t i = 0; i < c.acknowledged_before; ++i)
        if (std::find(values.begin(), values.end(), acked[i]) == values.end()) {
          sim_.bad("stale read: the answer lacks " + std::to_string(acked[i]) + ", acknowledged before it began");
          break;
        }
      reads_.push_back({s.key, values, sim_.now()});
    }
    c.busy = false;
    sim_.events.after(static_cast<Micros>(sim_.rng.uniform() * sim_.options.think_s * 1e6), [this, &c] { next_statement(c); });
  });
}

}  // namespace tajo::sim
