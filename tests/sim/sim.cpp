#include "sim.hpp"

#include <algorithm>
#include <cstdio>

#include "list_load.hpp"
#include "messages.hpp"
#include "sql_load.hpp"
#include "tajo/protocol/messages.hpp"

namespace tajo::sim {

namespace {
constexpr double kLongestRun = 140;
}  // namespace

Sim::Sim(Options o)
    : options(std::move(o)), rng(Random(options.seed)()), files(*this, Random(rng())),
      network(*this, Random(rng())) {
  static constexpr std::pair<int, int> kShapes[] = {{2, 3}, {3, 2}, {2, 4}, {3, 3}, {4, 2}, {3, 4}, {1, 4}, {2, 3}};
  auto shape = kShapes[rng.below(std::size(kShapes))];
  static constexpr std::pair<int, int> kSmall[] = {{1, 2}, {2, 1}};
  if (options.seed % 16 == 7) shape = kSmall[options.seed / 16 % 2];
  masters = options.masters != 0 ? options.masters : shape.first;
  workers = options.workers != 0 ? options.workers : shape.second;
  if (options.spares < 0) options.spares = rng.chance(0.3) ? 1 : 0;
  static constexpr double kWrites[] = {0.2, 0.5, 0.9};
  if (options.writes == 0) options.writes = kWrites[rng.below(3)];
  static constexpr double kThink[] = {0.2, 0.4, 0.8};
  if (options.think_s == 0) options.think_s = kThink[rng.below(3)] * (options.sql ? 2.5 : 1);
  static constexpr std::int64_t kRows[] = {15, 40, 100};
  if (options.row_slots == 0) options.row_slots = kRows[rng.below(3)];
  if (options.variant.reuse_names) options.row_slots = 1'000'000;
#ifdef TAJO_SIM_CANARIES
  cluster::active_canary = options.variant.rule;
#endif
  if (options.sql) load = std::make_unique<SqlLoad>(*this);
  else load = std::make_unique<ListLoad>(*this);
  add_world(0, false);
}

Sim::~Sim() = default;

void Sim::add_world(int world, bool force) {
  cluster::NodeConfig c;
  int m = world == 0 ? masters : 1;
  int w = world == 0 ? workers : 1;
  const Rank first = options.masters_last && world == 0 ? w : 0;
  if (world == 0) first_master = first;
  for (Rank r = 0; r < m + w; ++r) (r >= first && r < first + m ? c.masters : c.workers).push_back(r);
  int spares = world == 0 ? options.spares : 0;
  for (Rank r = m + w; r < m + w + spares; ++r) c.spares.push_back(r);
  c.world = rng();
  c.force = force;
  if (force) c.end_seen.hash = files.newest_hash();  // and then its MPI takes a while
  const Micros longest_start = force ? 3 * kSecond : 300 * kMs;
  worlds_ = std::max(worlds_, world + 1);
  for (Rank r = 0; r < m + w + spares; ++r) {
    c.self = r;
    c.seed = rng();
    ranks.push_back(std::make_unique<SimRank>(*this, world, r, c));
    ranks.back()->node->set_row_limits(options.row_slots, 1u << 20);
    SimRank* rank = ranks.back().get();
    events.after(static_cast<Micros>(rng.below(static_cast<std::uint64_t>(longest_start))), [rank] { rank->start(); });
  }
}

void Sim::log(const std::string& text) {
  if (!verbose()) return;
  char when[32];
  std::snprintf(when, sizeof when, "%9.4f  ", static_cast<double>(now()) / 1e6);
  if (options.verbosity > 0) std::printf("%s%s\n", when, text.c_str());
  if (!options.record || lines_after_ >= kTimelineAfter) return;
  if (!errors_.empty()) ++lines_after_;
  timeline_.push_back(when + text);
  if (errors_.empty() && timeline_.size() > kTimelineBefore) timeline_.pop_front();
}

void Sim::bad(const std::string& text) {
  char when[32];
  std::snprintf(when, sizeof when, "%.3f ", static_cast<double>(now()) / 1e6);
  errors_.push_back(when + text);
  log("VIOLATION " + text);
}

namespace {

/// Which query or task a message of the coordinator or a worker is about.
std::string subject(const Bytes& payload) {
  using protocol::Tag;
  switch (static_cast<Tag>(payload[0])) {
    case Tag::kStartQuery: {
      auto m = protocol::decode_start_query(payload);
      return " " + m.query.str() + " attempt " + std::to_string(m.attempt);
    }
    case Tag::kQueryDone: {
      auto m = protocol::decode_query_done(payload);
      return " " + m.query.str() + " attempt " + std::to_string(m.attempt) + (m.error ? " " + m.error->message : "");
    }
    case Tag::kRunTask: return " " + protocol::decode_run_task(payload).id.str();
    case Tag::kTaskDone: {
      auto m = protocol::decode_task_done(payload);
      return " " + m.id.str() + (m.canceled ? " canceled" : m.lost_output ? " lost " + m.lost_output->str() : m.error ? " " + m.error->message : "");
    }
    case Tag::kClientRequest: {
      auto m = protocol::decode_client_request(payload);
      return " " + std::to_string(m.number) + " " + m.request_id + " " + m.sql;
    }
    case Tag::kClientReply: {
      auto m = protocol::decode_client_reply(payload);
      return " " + std::to_string(m.number) + (m.not_active ? " not active" : m.error ? " " + m.error->message : " " + m.tag);
    }
    case Tag::kPlanningMark: {
      auto m = protocol::decode_planning_mark(payload);
      return " " + m.request_id + " " + std::to_string(m.count);
    }
    case Tag::kQueryDoneAck:
    case Tag::kCancelQuery:
    case Tag::kRunOwnTasks:
    case Tag::kAskAlive:
    case Tag::kAlive:
    case Tag::kDropQuery: return " " + protocol::decode_query_tag(payload).query.str();
    default: return {};
  }
}

}  // namespace

std::string message_name(const Bytes& payload) {
  static constexpr const char* kNames[] = {"StartQuery", "QueryDone", "QueryDoneAck", "CancelQuery", "Plan", "RunTask", "TaskDone", "CancelTask",
                                           "DropStage", "DropQuery", "Heartbeat", "ClientRequest", "ClientReply", "PlanningMark",
                                           "KeepOutcome", "OutcomeKept", "HeldOutcomes", "AskResult", "ResultFound", "RunOwnTasks",
                                           "AskAlive", "Alive", "OwnTask"};
  if (payload.empty() || payload[0] == cluster::kClusterTag) return "cluster";
  const std::size_t tag = static_cast<std::size_t>(payload[0]) - protocol::kFirstTag;
  return tag < std::size(kNames) ? kNames[tag] : "tag " + std::to_string(static_cast<int>(payload[0]));
}

void Sim::trace(const SimRank& from, const SimRank& to, const cluster::Stamp& stamp, const Bytes& payload) {
  if (payload.empty()) return;
  if (payload[0] != cluster::kClusterTag) {
    if (!options.sql || (static_cast<protocol::Tag>(payload[0]) == protocol::Tag::kHeartbeat && options.verbosity < 3)) return;
    log("  " + std::to_string(from.host) + " -> " + std::to_string(to.host) + " " +
        message_name(payload) + " e" + std::to_string(stamp.epoch) + subject(payload));
    return;
  }
  cluster::Letter l = cluster::decode_letter(payload);
  if (l.kind == cluster::Kind::kProbe && options.verbosity < 3) return;
  std::string suspects;
  for (Rank r : l.ranks) suspects += " " + std::to_string(r);
  log("  " + std::to_string(from.host) + " -> " + std::to_string(to.host) + " " + kind_name(l.kind) + " e" +
      std::to_string(stamp.epoch) + " v" + std::to_string(stamp.view) + " i" + std::to_string(stamp.incarnation) +
      " number " + std::to_string(l.number) + suspects);
}

SimRank* Sim::find(int world, Rank rank) {
  const auto place = static_cast<std::size_t>(rank);
  if (world == 0 && place < ranks.size() && ranks[place]->world == 0 && ranks[place]->rank == rank) return ranks[place].get();
  for (auto& r : ranks)
    if (r->world == world && r->rank == rank) return r.get();
  return nullptr;
}

SimRank* Sim::active() {
  SimRank* best = nullptr;
  for (auto& r : ranks)
    if (r->alive && r->node->role() == cluster::Role::kActive && (!best || r->node->epoch() > best->node->epoch()))
      best = r.get();
  return best != nullptr ? best : ranks[static_cast<std::size_t>(first_master)].get();
}

std::vector<int> Sim::hosts() const {
  std::vector<int> out;
  for (const auto& r : ranks) out.push_back(r->host);
  return out;
}

void Sim::at(double second, std::function<void()> fn) { events.after(seconds(second) - now(), std::move(fn)); }

const std::vector<std::string>& Sim::run() {
  load->start();
  for (;;) {
    Micros end = seconds(options.end_s);
    while (errors_.size() < 4 && events.step(end)) {
    }
    // A run that was mostly outage goes on until it has seen enough statements, one that nobody could end yet until somebody has.
    if (!options.prolong || (statements >= kMinStatements && !waits_for_silence()) || !errors_.empty() || options.end_s >= kLongestRun) break;
    options.end_s += 10;
    load->prolong();
  }
  check();
  if (on_end)
    for (auto& r : ranks) on_end(*r, r->node->counters());
  if (verbose())
    for (auto& r : ranks) log("rank " + std::to_string(r->host) + (r->alive ? " " : " dead ") + r->node->status());
  return errors_;
}

}  // namespace tajo::sim
