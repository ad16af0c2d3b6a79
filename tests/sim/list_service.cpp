#include "list_load.hpp"

#include <algorithm>

#include "sim.hpp"

namespace tajo::sim {

using cluster::Outcome;
using cluster::Role;

namespace {
enum class Tag : std::uint8_t { kForward = 0x10, kAnswer, kTask, kDone };
constexpr Micros kResend = 500 * kMs;
constexpr Micros kGiveUp = 6 * kSecond;
}  // namespace

// --- state ----------------------------------------------------------------------------------------------------------

Bytes Lists::encode(const Write& w) {
  ByteWriter out;
  out.put(w.id);
  out.put(w.key);
  out.put(w.by);
  out.put(w.incarnation);
  return out.take();
}

Lists::Write Lists::decode(ByteView bytes) {
  ByteReader in(bytes);
  Write w{};
  w.id = in.get<std::uint64_t>();
  w.key = in.get<std::uint8_t>();
  w.by = in.get<Rank>();
  w.incarnation = in.get<Incarnation>();
  return w;
}

void Lists::apply(const journal::Record& record) {
  Write w = decode(record.payload);
  lists[w.key].push_back(w.id);
  known.insert(w.id);
}

Bytes Lists::snapshot() const {
  ByteWriter out;
  for (const auto& [key, ids] : lists) {
    out.put(key);
    out.put(static_cast<std::uint32_t>(ids.size()));
    for (std::uint64_t id : ids) out.put(id);
  }
  return out.take();
}

void Lists::restore(ByteView snapshot) {
  lists.clear();
  known.clear();
  for (ByteReader in(snapshot); !in.empty();) {
    auto key = in.get<std::uint8_t>();
    auto count = in.get<std::uint32_t>();
    auto& ids = lists[key];
    for (std::uint32_t i = 0; i < count; ++i) {
      ids.push_back(in.get<std::uint64_t>());
      known.insert(ids.back());
    }
  }
}

// --- service --------------------------------------------------------------------------------------------------------

ListService::ListService(SimRank& process, ListLoad& load) : process_(process), load_(load), sim_(process.sim) {
  process.node->add_machine("lists", {journal::RecordKind::kRequest}, lists_);
}

void ListService::start() {
  forward_loop();
}

void ListService::on_view(const cluster::View& view, Role) {
  if (view.active() == last_active_) return;  // what waits for an answer goes to the new active at once
  last_active_ = view.active();
  for (auto& [id, f] : forwarded_) route(f);
}

void ListService::on_active(Epoch) {
  for (auto& [id, f] : std::exchange(forwarded_, {})) request(f.statement, process_.rank);
}

void ListService::on_passive() { running_.clear(); }
void ListService::on_evicted() { forwarded_.clear(); }

void ListService::on_frame(Rank source, Bytes payload) {
  ByteReader in(payload);
  switch (in.get<Tag>()) {
    case Tag::kForward: {
      auto s = in.get<Statement>();
      if (process_.serving) request(s, source);
      return;
    }
    case Tag::kAnswer: {
      auto s = in.get<Statement>();
      auto result = in.get<Answer>();
      std::vector<std::uint64_t> values;
      while (!in.empty()) values.push_back(in.get<std::uint64_t>());
      if (forwarded_.erase(s.id) > 0) load_.to_client( s, result, values);
      return;
    }
    case Tag::kTask: {
      auto s = in.get<Statement>();
      ByteWriter out;
      out.put(Tag::kDone);
      out.put(s);
      out.put(process_.rank);
      out.put(process_.node->incarnation());
      process_.send(source, cluster::Lane::kControl, out.take());
      return;
    }
    case Tag::kDone: {
      auto s = in.get<Statement>();
      auto by = in.get<Rank>();
      auto incarnation = in.get<Incarnation>();
      auto it = running_.find(s.id);
      if (!process_.serving || it == running_.end() || it->second.proposed) return;
      write(s, process_.rank, by, incarnation);
      return;
    }
  }
}

// --- statements -----------------------------------------------------------------------------------------------------

void ListService::request(Statement s, Rank origin) {
  if (!process_.serving) {
    if (origin != process_.rank) return;
    auto [it, fresh] = forwarded_.try_emplace(s.id, Forwarded{s, sim_.now(), 0});
    it->second.statement = s;
    it->second.since = sim_.now();
    route(it->second);
    return;
  }
  if (!s.write) return read(s, origin);
  if (lists_.known.contains(s.id)) {
    // Recorded already: the outcome is told again, once the epoch is proved to stand.
    process_.node->prove_read([this, s, origin](bool ok) {
      if (ok) answer(s, origin, Answer::kOk, nullptr);
    });
    return;
  }
  auto [it, fresh] = running_.try_emplace(s.id);
  it->second.waiting.emplace_back(s, origin);
  if (!fresh && !s.task) return;  // still running: attached
  if (!s.task) return write(s, origin, kNoRank, 0);
  auto workers = process_.node->view().with_role(Role::kWorker);
  if (workers.empty() || it->second.proposed) return;
  ByteWriter out;
  out.put(Tag::kTask);
  out.put(s);
  process_.send(workers[sim_.rng.below(workers.size())], cluster::Lane::kControl, out.take());
}

void ListService::write(Statement s, Rank, Rank by, Incarnation incarnation) {
  running_[s.id].proposed = true;
  cluster::Proposal p;
  p.records.emplace_back(journal::RecordKind::kRequest, Lists::encode({s.id, s.key, by, incarnation}));
  if (by != kNoRank) p.members.emplace_back(by, incarnation);
  process_.node->propose(std::move(p), [this, s](Outcome outcome) {
    auto it = running_.find(s.id);
    if (it == running_.end()) return;
    auto waiting = std::move(it->second.waiting);
    running_.erase(it);
    Answer result = outcome == Outcome::kCommitted    ? Answer::kOk
                    : outcome == Outcome::kDiskFull   ? Answer::kDiskFull
                    : outcome == Outcome::kSuperseded ? Answer::kUnknown
                                                      : Answer::kRetry;
    for (const auto& [statement, origin] : waiting) answer(statement, origin, result, nullptr);
  });
}

void ListService::read(Statement s, Rank origin) {
  process_.node->prove_read([this, s, origin](bool ok) {
    if (!ok) return;
    answer(s, origin, Answer::kOk, &lists_.lists[s.key]);
  });
}

void ListService::answer(const Statement& s, Rank origin, Answer result, const std::vector<std::uint64_t>* values) {
  if (origin == process_.rank) return load_.to_client( s, result, values ? *values : std::vector<std::uint64_t>{});
  ByteWriter out;
  out.put(Tag::kAnswer);
  out.put(s);
  out.put(result);
  if (values)
    for (std::uint64_t v : *values) out.put(v);
  process_.send(origin, cluster::Lane::kControl, out.take());
}

void ListService::route(Forwarded& f) {
  f.sent = sim_.now();
  Rank active = process_.node->view().active();
  if (active == kNoRank || active == process_.rank || process_.node->role() == Role::kOutside) return;
  ByteWriter out;
  out.put(Tag::kForward);
  out.put(f.statement);
  process_.send(active, cluster::Lane::kControl, out.take());
}

/// What has not been seen answered is sent again.
void ListService::forward_loop() {
  if (!process_.alive) return;
  if (!forwarded_.empty()) {
    process_.run([this] {
      for (auto it = forwarded_.begin(); it != forwarded_.end();) {
        if (sim_.now() - it->second.since > kGiveUp) {
          it = forwarded_.erase(it);
        } else if (process_.serving) {
          Statement s = it->second.statement;
          it = forwarded_.erase(it);
          request(s, process_.rank);
        } else {
          if (sim_.now() - it->second.sent > kResend) route(it->second);
          ++it;
        }
      }
    });
  }
  sim_.events.after(200 * kMs, [this] { forward_loop(); });
}

}  // namespace tajo::sim
