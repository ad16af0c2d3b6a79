#pragma once
#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "canary.hpp"
#include "cluster_records.hpp"
#include "limits.hpp"
#include "messages.hpp"
#include "tajo/cluster/cluster_node.hpp"
#include "tajo/journal/log.hpp"

namespace tajo::cluster {

/// Everything a rank knows and does as a member. Split over node_*.cpp by what the rules are about; the section numbers
/// are those of docs/recovery.md.
class ClusterNode::Core {
 public:
  Core(NodeConfig config, journal::LogFiles& files, MessagePort& port, NodeListener& listener,
       std::function<Micros()> clock);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core() { fibers_.cancel_all(); }  // while what they hold on to still exists

  // node_core.cpp: events, views, eviction
  void start();
  void on_frame(Rank source, const Stamp& stamp, Bytes payload);
  void on_suspect(Rank rank);
  void on_tick();
  Micros next_wakeup() const;
  void turn();
  void learn(const View& view, bool from_log);
  void settle();
  std::string status() const;

  // node_active.cpp: the active's commits
  void propose(Proposal proposal, std::function<void(Outcome)> done);
  // node_reads.cpp
  void prove_read(std::function<void(bool)> done);
  void hand_over(Rank successor, std::function<void(bool)> done);

  /// The view and epoch as a function of the log's prefix.
  struct Membership final : journal::StateMachine {
    explicit Membership(Core& owner) : core(owner) {}
    void apply(const journal::Record& record) override;
    Bytes snapshot() const override;
    void restore(ByteView snapshot) override;
    Core& core;
    View view;
    Epoch epoch = 0;
  };

  struct Pending {
    Proposal proposal;
    std::function<void(Outcome)> done;
  };
  struct ViewProposal {
    ViewNumber base;
    std::map<Rank, Member> members;
    std::set<Rank> decommissioned;
  };
  struct Proof {
    std::vector<std::function<void(bool)>> waiting;
    std::set<Rank> answered;
    ViewNumber view = 0;
    Epoch epoch = 0;
    std::uint64_t number = 0;
    Micros asked = 0;
  };
  struct Frame {
    Rank source;
    Stamp stamp;
    Bytes payload;
  };

  // --- who is who
  Micros now() const { return fibers_.now(); }
  Rank active() const { return view_.active(); }
  bool abstains() const { return now() < abstains_until_; }
  bool is_active() const { return role_ == Role::kActive; }
  bool serving(Epoch e) const { return role_ == Role::kActive && mine_ == e && epoch_ == e && !ended_; }
  bool master_rank(Rank r) const;  ///< of conf/masters, or active or backup in the view
  bool i_am_master() const { return master_rank(config_.self); }
  int place(Rank r) const;
  int seniority(Rank r) const;
  std::set<Rank> known_masters() const;
  std::vector<Rank> others() const;
  Micros interval(Rank peer) const;
  bool watches(Rank r) const;
  bool suspects(Rank r) const;
  std::vector<Rank> my_suspects() const;
  void hear(Rank r);
  void restart_timers();

  // --- messages
  void send(Rank to, Letter letter, Lane lane = Lane::kControl);
  void tell_view(Rank to, Kind kind);
  bool may_tell(std::map<Rank, Micros>& last, Rank to);
  void stamp();
  void handle(Rank source, const Stamp& stamp, Letter letter);
  void dispatch(Frame frame);
  void on_evicted_letter(const Stamp& stamp, const View& view);
  bool takes_bytes(const Bytes& payload);
  void drain_held();
  void set_view(const View& view);
  void become_outside();
  void leave_view();
  void exit(const std::string& reason);
  void notify_view();

  // --- node_log.cpp: following the log
  journal::Task<void> catch_up();
  void spawn_catch_up();
  journal::Task<void> tail_loop();
  journal::Task<void> gate_after_absence();
  void outside_step();
  void ask_masters();
  bool must_exit();
  void exit_if_cut_off();
  void turn_while_gated();
  bool orphaned() const;
  void on_batch(Rank source, Letter letter);
  void on_fetch(Rank source, Letter letter);
  void on_state(Letter letter);
  void on_need(Rank source, Letter letter);
  void fetch_from(Rank source);

  // --- node_suspicion.cpp: probes, views
  void start_loops();
  journal::Task<void> probe_loop();
  void probe();
  void think();
  void judge();
  std::set<Rank> cover() const;
  journal::Task<void> change_view(Epoch e);
  void propose_view(std::map<Rank, Member> members);
  void propose_view(std::map<Rank, Member> members, std::set<Rank> decommissioned);
  void admit_and_promote();
  bool fill_places(std::map<Rank, Member>& members);
  bool free_worker(std::map<Rank, Member>& members);
  bool change_service();
  void decommission(const std::set<Rank>& ranks, bool out);
  void retire(Rank rank);
  bool claim_above_ghost();

  // --- node_claim.cpp
  journal::Task<void> start_world();
  journal::Task<void> suspect_active();
  journal::Task<void> claim(Cause cause);
  bool enough_votes() const;
  View claim_view(Cause cause) const;
  /// `begun`: when its slot was begun; `before`: the hash of the slot before it.
  void become_active(const journal::SlotBytes& slot, Cause cause, Micros begun, std::uint64_t before);
  void consider_handover_for_files();
  void ask_handover(Rank from);

  // --- node_active.cpp
  void kick();
  bool has_work() const;
  journal::Task<void> commit_loop(Epoch e);
  std::vector<journal::Record> take_batch(Epoch e, std::vector<Pending>& taken);
  void announce(const journal::SlotBytes& slot, bool with_view);
  void superseded();
  void answer(std::function<void()> fn);
  journal::Task<void> prepare_next_row(Epoch e);
  journal::Task<void> remove_old_rows();
  void set_read_only(bool value);

  // --- node_reads.cpp
  void start_proof();
  void count_proof();
  void proof_to_slot();
  void offer_handover(Rank successor);
  void grant_handover(Rank successor, std::uint64_t question);
  void end_handover(bool taken);

  NodeConfig config_;
  MessagePort& port_;
  NodeListener& listener_;
  Random random_;
  journal::Fibers fibers_;
  journal::Log log_;
  Membership membership_;
  RuleCounters count_;

  Incarnation incarnation_ = 1;
  Epoch epoch_ = 0;
  View view_;
  Role role_ = Role::kOutside;
  bool own_world_ = false;   // I have stood in a view of my world
  bool ended_ = false;
  View told_view_;           // what the listener heard last
  Role told_role_ = Role::kOutside;

  // time
  Micros last_turn_ = 0;
  bool gated_ = false;
  std::deque<Frame> held_;
  std::deque<Frame> early_;
  std::map<Rank, Micros> told_evicted_, asked_view_;

  // following
  bool catching_ = false;
  bool log_answers_ = false, log_empty_ = false, log_damaged_ = false;
  bool damage_told_ = false;
  Micros last_slot_seen_ = 0;
  Micros last_active_ = 0;   // a frame from the active
  Micros last_master_ = 0;   // a frame from any rank of conf/masters
  Micros last_frame_ = 0;    // a frame from any rank of this world
  Micros left_at_ = 0;       // since when outside
  Micros started_at_ = 0;
  std::map<Rank, Micros> asked_state_;

  // suspicion
  std::map<Rank, Micros> heard_;
  std::set<Rank> errors_;                         // request errors not yet disproved by a frame
  std::map<Rank, std::set<Rank>> reports_;        // what peers suspect
  std::map<Rank, Micros> files_age_;
  Micros own_files_age_ = 0;
  std::set<Rank> links_;
  std::map<Rank, Micros> probed_;
  std::map<Rank, Incarnation> joins_;
  std::set<Rank> hello_;

  // votes
  std::set<Rank> votes_;
  std::map<Rank, Epoch> questions_;               // SUSPECT? I have answered NO so far
  std::set<Epoch> against_;                       // epochs I have said YES against
  bool suspecting_ = false;
  bool claiming_ = false;
  Micros abstains_until_ = 0;  ///< begins no claim
  Micros asked_handover_ = 0;     // when I asked last; a late grant is no grant
  std::uint64_t handover_question_ = 0;

  // the active
  Epoch mine_ = 0;
  bool busy_ = false, hold_ = false, stepdown_ = false, changing_view_ = false, preparing_row_ = false;
  bool sealed_ = false, closed_ = false;          // a last proposal waits or stands, stands
  bool want_slot_ = false, read_only_ = false, state_timer_ = false;
  std::deque<Pending> queue_;
  std::vector<Pending> inflight_;
  std::deque<ViewProposal> views_;
  std::map<Rank, bool> service_wishes_;  ///< decommission (true), recommission
  std::set<Rank> retiring_;
  bool view_in_flight_ = false;
  std::vector<std::function<void(bool)>> slot_reads_;
  std::vector<std::function<void(bool)>> slot_reads_inflight_;
  std::vector<std::function<void(bool)>> reads_;
  Proof proof_;
  bool proving_ = false;
  std::uint64_t proof_number_ = 0;
  Micros last_begun_ = 0;
  Epoch ghost_epoch_ = 0;    // heard of, above mine
  Micros ghost_since_ = 0;
  Micros log_read_at_ = 0;   // the last complete look at the log began then
  int write_failures_ = 0;
  bool remove_rows_ = false;
  Micros hush_until_ = 0;
  Micros slots_until_ = 0;   // members did not answer lately: proofs are slots until then
  bool keeper_ = false;
  Rank successor_ = kNoRank;
  std::function<void(bool)> handover_done_;
  Micros offered_at_ = 0;
  std::unordered_set<std::uint64_t> seen_slots_;  // hashes: a slot read again after stepping back is no news
  std::uint64_t handover_number_ = 0;
};

}  // namespace tajo::cluster
