// What an operator asks of the running cluster: `tajo admin -decommission` and `-recommission`, by which workers leave and
// return without failing a query, and `haadmin -transitionTo…`.
#include <algorithm>
#include <charconv>

#include "run.hpp"
#include "tajo/master/statement_runner.hpp"

namespace tajo::master {
namespace {

constexpr Micros kViewWaitUs = 10'000'000;  ///< for the view that shows the wish
constexpr Micros kViewPollUs = 20'000;

/// The ranks `which` means: a rank number, or every rank on a host that may work.
std::set<Rank> ranks_of(const std::string& which, const std::vector<NodeStatus>& nodes, bool out) {
  std::string host = which;
  for (const NodeStatus& node : nodes)  // `localhost` of conf/workers: where the active is
    if (which == "localhost" && node.role == cluster::Role::kActive && node.member) host = node.heartbeat.host;
  Rank wanted = kNoRank;
  auto [end, failure] = std::from_chars(which.data(), which.data() + which.size(), wanted);
  const bool is_rank = failure == std::errc() && end == which.data() + which.size();
  std::set<Rank> ranks;
  bool known = false, master = false;
  for (const NodeStatus& node : nodes) {
    if (is_rank ? node.rank != wanted : node.heartbeat.host != host) continue;
    known = true;
    if (node.role == cluster::Role::kActive || node.role == cluster::Role::kBackup) master = true;
    else if (!out || node.member) ranks.insert(node.rank);
  }
  if (!known) throw Error("42704", (is_rank ? "rank " : "host \"") + which + (is_rank ? " is not in this cluster" : "\" has no rank of this cluster"));
  if (ranks.empty())
    throw Error("55000", "\"" + which + "\" has no worker" + (master ? ", only a master" : ""))
        .hint(master ? "A master is moved with haadmin -transitionToBackup." : "");
  return ranks;
}

/// `host:port` of a backup, or any backup for an empty text; kNoRank: there is none.
Rank backup_at(const std::string& wanted, const std::vector<NodeStatus>& members) {
  for (const NodeStatus& node : members) {
    const std::string address = node.heartbeat.host + ":" + std::to_string(node.heartbeat.client_port);
    if (node.role == cluster::Role::kBackup && (wanted.empty() || wanted == address)) return node.rank;
  }
  return kNoRank;
}

}  // namespace

/// True once `wanted` (any backup, when empty) is the active. A master that is on its way back into the view is waited for.
/// Error 42501, 55000.
bool StatementRunner::hand_over(const Run& run, const std::string& wanted) {
  if (run.session.user != parts_.owner) throw Error("42501", "must be the cluster's owner to hand over");
  const Micros give_up = parts_.runtime.boottime() + kViewWaitUs;
  Rank successor = backup_at(wanted, parts_.resources.members());
  while (successor == kNoRank && active() && parts_.runtime.boottime() < give_up) {
    parts_.runtime.sleep(kViewPollUs);
    successor = backup_at(wanted, parts_.resources.members());
  }
  if (successor == kNoRank) throw Error("55000", wanted.empty() ? "there is no backup master" : "\"" + wanted + "\" is not a backup master");
  auto promise = std::make_shared<Promised<bool>>();
  parts_.loop.post([this, successor, promise] { parts_.node.hand_over(successor, [promise](bool done) { promise->set(done); }); });
  return promise->take(parts_.runtime);
}

/// How many ranks were taken out of service (or back). Error 42501, 42704, 55000; 08007 when the active changed meanwhile.
std::int64_t StatementRunner::change_service(const Run& run, const std::string& which, bool out) {
  if (run.session.user != parts_.owner) throw Error("42501", "must be the cluster's owner to change who works");
  const std::set<Rank> ranks = ranks_of(which, parts_.resources.nodes(), out);
  if (out) {
    const auto on_duty = parts_.resources.view().workers_on_duty();
    const bool stays = on_duty.empty() || std::any_of(on_duty.begin(), on_duty.end(), [&](Rank r) { return !ranks.contains(r); });
    if (!stays) throw Error("55000", "\"" + which + "\" has the last workers: nobody would run queries").hint("Recommission another host first.");
  }
  parts_.loop.post([this, ranks, out] { parts_.node.decommission(ranks, out); });
  const Micros give_up = parts_.runtime.boottime() + kViewWaitUs;
  for (;;) {
    const cluster::View view = parts_.resources.view();
    if (std::all_of(ranks.begin(), ranks.end(), [&](Rank r) { return view.decommissioned.contains(r) == out; }))
      return static_cast<std::int64_t>(ranks.size());
    if (!active() || parts_.runtime.boottime() > give_up)
      throw Error(sqlstate::kOutcomeUnknown, "the view did not change: ask again");
    parts_.runtime.sleep(kViewPollUs);
  }
}

}  // namespace tajo::master
