#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/common/ids.hpp"
#include "tajo/journal/record.hpp"

namespace tajo::cluster {

enum class Role : std::uint8_t { kOutside, kActive, kBackup, kWorker, kSpare };
std::string_view role_name(Role role);  ///< `outside|active|backup|worker|spare`

struct Member {
  Role role = Role::kSpare;
  Incarnation incarnation = 1;
  bool operator==(const Member&) const = default;
};

/// A committed membership record: the only source of roles. Immutable.
struct View {
  ViewNumber number = 0;
  Epoch epoch = 0;
  std::uint64_t world = 0;  ///< the MPI job its ranks are of: rank numbers of another job mean nothing here
  std::map<Rank, Member> members;
  /// Ranks an operator takes out of service: a worker among them gets no new query, a spare among them stays one. Kept
  /// here and not at the member, so that a rank which was evicted meanwhile does not come back to work.
  std::set<Rank> decommissioned{};
  Rank active() const;  ///< kNoRank before the first claim
  std::vector<Rank> with_role(Role role) const;
  /// Workers that take new queries.
  std::vector<Rank> workers_on_duty() const;
  bool contains(Rank rank) const { return members.contains(rank); }
  /// The rank's incarnation in this view, 0 when it is outside.
  Incarnation incarnation(Rank rank) const;
  bool operator==(const View&) const = default;
};

enum class Outcome : std::uint8_t {
  kCommitted,   ///< in a slot this rank won, and fsynced
  kSuperseded,  ///< another epoch won: outcome unknown (08007)
  kDiskFull,    ///< 53100, nothing written
  kNotActive,   ///< nothing written
  kStaleMember, ///< a rank this rests on left the view first: nothing written
};

/// What one proposal carries: applied as one, in order.
struct Proposal {
  std::vector<std::pair<journal::RecordKind, Bytes>> records;
  journal::Durability durability = journal::Durability::kCommit;
  /// Ranks whose work this rests on (a worker's fragments): it counts only while they stand in the view.
  std::vector<std::pair<Rank, Incarnation>> members{};
  /// Its slot is this active's last: what is proposed after it is kNotActive.
  bool last = false;
};

/// What the rooms above hear from the node; called on the node's (control) thread.
class NodeListener {
 public:
  virtual ~NodeListener() = default;
  /// A view was adopted (roles of self and others may have changed).
  virtual void on_view(const View& view, Role self) = 0;
  /// This rank won a claim: state machines are replayed to the end; serve from now on.
  virtual void on_active(Epoch epoch) = 0;
  /// This rank is no longer active (superseded, handed over): stop serving; pending proposals were answered.
  virtual void on_passive() = 0;
  /// This rank was evicted: drop tasks, outputs, queues; a new incarnation asks to be a spare.
  virtual void on_evicted() = 0;
  /// This rank must end (superseded by another world, start not complete, nobody admits it): `_exit` after logging it.
  virtual void on_exit(const std::string&) {}
  /// A frame of the rooms above, from a member of the view and in order. Nothing comes before the first view.
  virtual void on_frame(Rank, Bytes) {}
  /// This rank acts on a suspicion of that member: a backup asks for votes, the active cuts a view. For logs only.
  virtual void on_suspicion(Rank) {}
  /// The log's disk is full (true) or takes records again (false): statements that write fail with 53100.
  virtual void on_read_only(bool) {}
  /// Counted bytes of the log are missing or wrong: said once; this rank does not claim until they are back.
  virtual void on_log_damaged(const std::string&) {}
};

/// A rank's membership and log logic as the rooms above see it. Implemented sans-I/O in cluster (time, messages, file
/// results come in as arguments); one thread owns it, the control thread.
class Node {
 public:
  virtual ~Node() = default;
  virtual const View& view() const = 0;
  virtual Role role() const = 0;
  virtual Epoch epoch() const = 0;  ///< highest epoch seen
  virtual Rank active() const { return view().active(); }
  virtual Incarnation incarnation() const = 0;  ///< of this rank

  /// Active only. `done` is called once, on the control thread, with how it ended.
  virtual void propose(Proposal proposal, std::function<void(Outcome)> done) = 0;
  /// A proof, begun now, that the epoch still stands (docs/recovery.md, Reads). false: superseded meanwhile.
  virtual void prove_read(std::function<void(bool)> done) = 0;
  /// `haadmin -transitionToActive`: drain, successor claims. `successor` must be a backup.
  virtual void hand_over(Rank successor, std::function<void(bool)> done) = 0;
  /// Active only: the next view takes these ranks out of service (or back into it). Nothing is answered: the view shows
  /// it; a change of the active before that forgets the wish.
  virtual void decommission(const std::set<Rank>& ranks, bool out) = 0;
  /// Active only: a decommissioned worker with nothing left to do becomes a spare.
  virtual void retire(Rank rank) = 0;
};

}  // namespace tajo::cluster
