#pragma once
#include <memory>

#include "tajo/cluster/config.hpp"
#include "tajo/cluster/frame_gate.hpp"
#include "tajo/cluster/node.hpp"
#include "tajo/cluster/ports.hpp"
#include "tajo/journal/log_files.hpp"

namespace tajo::cluster {

/// How often each rule was taken since the start; for metrics and for the simulator, which fails on a zero.
struct RuleCounters {
  std::uint64_t views_after_suspicion = 0;   ///< §4.1 of docs/recovery.md
  std::uint64_t cover_chose = 0;             ///< the smallest set was not just the suspects of the active
  std::uint64_t votes_asked = 0, votes_yes = 0, votes_late_yes = 0, votes_no = 0;
  std::uint64_t claims_majority = 0, claims_minority = 0, claims_orphan = 0, claims_handover = 0, claims_start = 0,
                claims_force = 0, claims_again = 0;
  std::uint64_t claims_lost = 0;             ///< EEXIST for a claimant
  std::uint64_t claims_stepped_back = 0;     ///< the last slot had vanished
  std::uint64_t holds = 0, holds_superseded = 0, holds_shrunk = 0;  ///< active that lost more than half
  std::uint64_t handovers_granted = 0, handovers_for_files = 0;
  std::uint64_t evictions_obeyed = 0, joins_admitted = 0, promotions = 0, spares_to_masters = 0, masters_to_workers = 0, decommissions = 0, retirements = 0;
  std::uint64_t exits_outside = 0, exits_alone = 0, exits_silent = 0, starts_incomplete = 0;  ///< §4.5 and §4.7: this rank ended itself
  std::uint64_t absences = 0, gates = 0;
  std::uint64_t superseded = 0;
  std::uint64_t reads_by_slot = 0, reads_by_majority = 0, checks_refused = 0;
  std::uint64_t disk_full = 0, rows_closed = 0, rows_removed = 0, states_fetched = 0, frames_dropped = 0,
                frames_evicted = 0, frames_early = 0, hushed_claims = 0, early_seen_ends = 0, ghosts = 0, late_handovers = 0;
};

/// Node without threads, clock, network or files of its own: the caller feeds events on one thread, the control thread.
///
///   ClusterNode node(config, *files, port, listener, boottime_us);
///   node.add_machine("catalog", {RecordKind::kCatalog}, catalog);
///   node.start();
///   loop { wait until node.next_wakeup() or an event;
///          frames: node.on_frame(source, stamp, payload);   errors: node.on_suspect(rank);
///          file completions: run the posted function;        always: node.on_tick(); }
class ClusterNode final : public Node {
 public:
  ClusterNode(NodeConfig config, journal::LogFiles& files, MessagePort& port, NodeListener& listener,
              std::function<Micros()> clock);
  ~ClusterNode() override;

  /// Before start(). `section` names the machine's part of snapshots and must not change between versions.
  void add_machine(std::string section, std::vector<journal::RecordKind> kinds, journal::StateMachine& machine);
  void start();

  /// Every delivered frame of the probe and control channels. Payloads that begin with kClusterTag are handled here,
  /// others reach NodeListener::on_frame when their source may be heard.
  void on_frame(Rank source, const Stamp& stamp, Bytes payload);
  /// For frames another thread delivers (data): a copy of the rules as they stand.
  FrameGate gate() const;
  /// A request error towards a rank: suspicion, not proof.
  void on_suspect(Rank rank);
  void on_tick();
  Micros next_wakeup() const;

  const View& view() const override;
  Role role() const override;
  Epoch epoch() const override;
  Incarnation incarnation() const override;
  void propose(Proposal proposal, std::function<void(Outcome)> done) override;
  void prove_read(std::function<void(bool)> done) override;
  void hand_over(Rank successor, std::function<void(bool)> done) override;
  void decommission(const std::set<Rank>& ranks, bool out) override;
  void retire(Rank rank) override;

  /// Workers with an open link between them watch each other.
  void set_link(Rank peer, bool open);
  /// Age of the oldest data request of this rank that has not come back: told in probes.
  void set_filesystem_age(Micros age);
  /// What a member last said of its oldest pending request.
  Micros filesystem_age(Rank rank) const;
  void set_keeper(bool present);
  /// This rank is about to leave: it begins no claim any more (one that is being written goes on).
  void abstain();
  /// The same for a while: whoever reads last words leaves the log to the next world, which may not come.
  void abstain_for(Micros time);
  /// Sizes at which a row ends; for tests.
  void set_row_limits(std::int64_t slots, std::uint64_t bytes);
  const RuleCounters& counters() const;
  /// A line for logs and `haadmin`: role, epoch, view, position in the log.
  std::string status() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace tajo::cluster
