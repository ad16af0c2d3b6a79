#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "tajo/cluster/node.hpp"
#include "tajo/common/event_loop.hpp"
#include "tajo/exchange/output.hpp"
#include "tajo/exec/engine.hpp"
#include "tajo/protocol/control_port.hpp"
#include "tajo/protocol/messages.hpp"
#include "tajo/storage/scan.hpp"
#include "tajo/worker/query_master.hpp"

namespace tajo::worker {

inline constexpr Micros kHeartbeatPeriodUs = 200'000;
inline constexpr std::size_t kMaxQueryMasters = 256;  ///< on one rank; past it a query is refused with 53000

/// Of the file systems that spill files go to.
struct DiskSpace {
  std::uint64_t bytes = 0, used_bytes = 0;
};

struct WorkerConfig {
  std::string host;
  std::int32_t pid = 0;
  std::uint32_t cores = 1;
  std::uint64_t memory_bytes = 0;
  std::function<bool()> launcher_lost = [] { return false; };  ///< control thread
  std::function<DiskSpace()> disk_space;                       ///< on the loop `files`; empty: nobody asks
};

/// A rank's working half: TaskManager (tasks of any query), the QueryMasters given to this rank, NodeStatusUpdater
/// (heartbeats). Masters run it too for their heartbeat and to hold COPY feeds. Control thread, except where noted.
class WorkerNode {
 public:
  /// `files`: a loop of its own for what may wait for the filesystem: splits of external tables, staged results.
  WorkerNode(WorkerConfig config, Loop& loop, Loop& files, protocol::ControlPort& port, exec::Engine& engine,
             exchange::OutputStore& outputs, storage::Storage& storage);

  /// Takes the messages that are a worker's; false: not mine.
  bool on_message(Rank source, ByteView message);
  void on_view(const cluster::View& view, cluster::Role self);
  void on_evicted();
  void start();  ///< heartbeats from now on
  /// Ports heartbeats tell from now on.
  void serves_clients_at(std::uint16_t client_port, std::uint16_t http_port);

 private:
  struct HostedQuery {
    std::unique_ptr<QueryMaster> master;      ///< empty while splits are enumerated
    std::uint16_t attempt = 0;
    std::string result_path;
    std::vector<data::Column> columns;        ///< of the result
    std::optional<protocol::QueryDone> done;  ///< kept and repeated until the active has acknowledged it
    bool canceled = false;
    std::uint64_t mark = 0;                   ///< of its progress when that was looked at last
    int still = 0;                            ///< looks since it changed
  };
  struct KnownPlan {
    std::uint16_t attempt = 0;
    Rank query_master = kNoRank;
    std::shared_ptr<const plan::PhysicalPlan> plan;
    /// Tasks taken here: their TaskDone once they ended, to be told again after a change of epoch.
    std::map<TaskId, std::shared_ptr<const Bytes>> tasks;
  };

  void start_query(Rank source, protocol::StartQuery start);
  void query_ready(protocol::StartQuery start, std::shared_ptr<const plan::PhysicalPlan> plan,
                   std::map<std::uint32_t, std::vector<data::Split>> splits);
  void cannot_start(const QueryId& query, std::uint16_t attempt, const Error& error);
  void query_finished(protocol::QueryDone done, std::optional<protocol::SourceRef> root);
  void report(const QueryId& query, protocol::QueryDone done);
  void forget_query(const QueryId& query);
  void run_task(Rank source, protocol::RunTask run);
  void task_ended(Rank query_master, const protocol::TaskDone& done);
  void repeat_after_epoch_change();
  void heartbeat();
  void look_at_disk();
  void tell_of_standstill();
  std::map<std::uint32_t, std::vector<data::Split>> enumerate_splits(const plan::PhysicalPlan& plan) const;

  WorkerConfig config_;
  std::uint16_t client_port_ = 0, http_port_ = 0;
  Loop& loop_;
  Loop& files_;
  protocol::ControlPort& port_;
  exec::Engine& engine_;
  exchange::OutputStore& outputs_;
  storage::Storage& storage_;
  std::map<QueryId, HostedQuery> queries_;
  std::map<QueryId, KnownPlan> plans_;
  std::map<TaskId, std::pair<std::uint64_t, int>> task_marks_;  ///< of tasks here: as HostedQuery's mark and still
  cluster::View view_;
  DiskSpace disk_;               ///< as it was at the last look
  bool looks_at_disk_ = false;
  std::uint32_t heartbeats_ = 0;
};

}  // namespace tajo::worker
