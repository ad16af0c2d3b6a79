#pragma once
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "tajo/cluster/node.hpp"
#include "tajo/master/kept_results.hpp"
#include "tajo/master/statement_runner.hpp"
#include "tajo/protocol/control_port.hpp"

namespace tajo::master {

/// Records of ends held until they are seen in the log; the oldest leave first.
inline constexpr std::size_t kMaxHeldRecords = 10'000;
/// A slot that was seen may be lost with the file server until the next one stands: its record is held on that long.
inline constexpr Micros kHoldShownUs = 30'000'000;
/// The active proposes a held record again when the log does not show it after this long (its disk was full).
inline constexpr Micros kProposeAgainUs = 1'000'000;

/// How masters share what statements came to: a backup holds a copy of each result before its first row leaves, and
/// every master holds the records that ride with later slots until the log shows them, and tells them to a new active
/// (docs/recovery.md, Queries). Sans-I/O; control thread.
class SharedOutcomes {
 public:
  SharedOutcomes(const MasterParts& parts, protocol::ControlPort& port, StatementRunner& runner) : parts_(parts), port_(port), runner_(runner) {}

  bool on_message(Rank source, ByteView message);
  void on_view(const cluster::View& view);
  void on_active(Epoch epoch);
  void on_passive();
  void on_tick(Micros now);

  /// Active: sends a copy to a backup; `done` when it has it, or there is none. Empty `done`: nobody waits.
  void copy(KeptResults::Reply reply, std::function<void()> done);
  /// Active: a serving master is given this reply; its QueryMaster may forget the result when that says it has it.
  void given(const protocol::ClientReply& reply, Rank serving);
  /// A reply the active gave to this serving master.
  void keep(Rank active, KeptResults::Reply reply);
  void hold(const QueryId& query, Bytes record);
  void ask(const QueryId& query, std::function<void(KeptResults::Reply)> done);

 private:
  struct Copy {
    KeptResults::Reply reply;  ///< nullptr: the holder got it as its client's answer
    Rank holder = kNoRank;
    std::function<void()> done;
  };
  struct Held {
    Bytes record;
    Micros proposed_at = 0;    ///< 0: not in this epoch
    Micros shown_since = 0;    ///< the log has it; 0: it has not, or has lost it again
  };
  struct Ask {
    std::set<Rank> waiting;
    std::vector<std::function<void(KeptResults::Reply)>> done;
  };
  void send_copy(const QueryId& query, Copy& copy);
  void copy_is_there(const QueryId& query);
  void look_for_held(Micros now);
  void propose_held(Micros now);
  void tell_held();
  void settle(Micros now);
  void take_held(Rank source, protocol::HeldOutcomes told);
  void take_found(Rank source, protocol::ClientReply found);

  const MasterParts& parts_;
  protocol::ControlPort& port_;
  StatementRunner& runner_;
  cluster::View view_;
  Epoch epoch_ = 0;                  ///< held as active; 0: not active
  Micros active_since_ = 0;
  bool settled_ = false;
  std::map<Rank, Epoch> told_;       ///< who told what it holds, and in which epoch
  std::map<QueryId, Copy> copies_;
  std::map<QueryId, Held> held_;
  std::set<QueryId> not_shown_;      ///< of those, what the log does not show
  std::deque<std::pair<Micros, QueryId>> shown_;  ///< and what it does, by shown_since; some have left held_ already
  std::uint64_t looked_in_ = 0;      ///< QueryState::restored() when held_ was last compared with the log
  std::map<QueryId, Ask> asks_;
};

}  // namespace tajo::master
