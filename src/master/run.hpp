#pragma once
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "tajo/master/statement_runner.hpp"

namespace tajo::master {

/// One statement under way on the active master.
struct StatementRunner::Run {
  protocol::ClientRequest request;
  Session session;
  Epoch epoch = 0;
  QueryId query;
  bool background = false;               ///< the master's own work: no history, no submission record
  Rank serving = kNoRank;                ///< the master that holds the reply; kNoRank: this one
  bool keep = true;                      ///< its outcome is kept for whoever asks again
  bool distributed = false;              ///< workers ran it: its result is not made again in no time
  bool own_feed = false;                 ///< it reads rows this master made: a QueryMaster of an earlier epoch cannot
  bool adopt = false;                    ///< taken over from an earlier epoch: `query` and its record exist
  Epoch submitted_epoch = 0;
  Micros started_at = 0;
  std::int64_t started_ms = 0;
  std::shared_ptr<const sql::ParsedStatement> parsed;
  std::string tag;
  catalog::SnapshotPtr snapshot;
  bool rests_on_state = false;           ///< the answer says what the catalog or the session is: it needs a proof
  protocol::ClientReply reply;
  QueryRecord record;
  std::uint64_t digest = 0;              ///< of the statement's text and parameters
  std::optional<PlanningScope> planning; ///< while a mark stands at the backups
  bool submitted = false;                ///< a submission record was proposed
  bool ended = false;                    ///< its end was proposed together with its effect
  std::shared_ptr<Promised<cluster::Outcome>> submission;

  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;
  bool canceled = false;
  std::atomic<bool> vanished{false};     ///< canceled because its client's connection broke
  bool running_distributed = false;
  std::shared_ptr<const protocol::ClientReply> outcome;
};

/// This master lost its epoch in the middle of a statement: the serving master asks the successor.
struct Superseded {};

/// FNV-1a over text and parameters: whether two requests are the same statement.
std::uint64_t digest_of(const protocol::ClientRequest& request);

/// The feed of a COPY is no stage of the plan; it stands under this number.
inline constexpr std::uint16_t kFeedStage = 0xFFFF;
/// While outputs are over their memory, the thread that fills a feed offers the rows again after this. It is not woken: a
/// store may remember a waker for longer than a statement lasts.
inline constexpr Micros kFeedBlockedUs = 1'000;
exchange::Waker& nobody_to_wake();

}  // namespace tajo::master
