#pragma once
#include <signal.h>

#include <memory>
#include <string>

#include "client_servers.hpp"
#include "fabric_port.hpp"
#include "rank_listener.hpp"
#include "rank_place.hpp"
#include "rank_resources.hpp"
#include "start_times.hpp"
#include "tajo/catalog/catalog.hpp"
#include "tajo/cluster/cluster_node.hpp"
#include "tajo/common/event_loop.hpp"
#include "tajo/host/departure.hpp"
#include "tajo/host/keeper.hpp"
#include "tajo/host/last_words.hpp"
#include "tajo/journal/posix_log_files.hpp"
#include "tajo/master/crash_notes.hpp"

namespace tajo {

/// What a rank knows once its world stands; outlives the RankProcess.
struct RankSetting {
  const Config& config;
  std::string launch;
  bool force = false;
  cluster::NodeConfig::EndSeen end_seen;  ///< of the log, before the world was made
  mpi::World& world;
  RankPlace place;
  host::Kept& kept;
};

/// One rank: all its parts, wired. Made on the transport thread.
class RankProcess {
 public:
  RankProcess(const RankSetting& setting, StartTimes& times);
  /// A rank of conf/masters listens for clients; they wait for the first view. Error 58030 when an address is taken.
  void open_servers();
  /// Starts to serve and returns when the rank has left in good order.
  void run(const sigset_t& signals);

 private:
  void connect_log();
  void connect_frames();
  void connect_servers();
  void serve_in_place_of_lost(const cluster::View& view);
  void tell_addresses();
  void tell_load();
  void tick_node();
  void on_request(host::Request request);
  void leave(const sigset_t& signals);

  const RankSetting& setting_;
  StartTimes& times_;
  const Rank self_;
  RankResources resources_;
  EventLoop loop_;   ///< the control thread's
  EventLoop files_;  ///< for what may wait for the filesystem
  FabricPort port_;
  RankListener listener_;
  std::unique_ptr<journal::PosixLogFiles> log_files_;
  cluster::ClusterNode node_;
  std::unique_ptr<storage::Storage> storage_;
  std::unique_ptr<exchange::OutputStore> outputs_;
  std::unique_ptr<exec::Engine> engine_;
  catalog::Catalog catalog_;
  master::SessionState sessions_;
  master::QueryState queries_;
  master::ResourceTracker tracker_;
  master::QueryCoordinator coordinator_;
  host::Departure departure_;
  host::LastWordsListener last_words_;
  worker::WorkerNode worker_;
  std::unique_ptr<master::CrashNotes> notes_;  ///< of a rank that may plan
  master::MasterNode master_;
  ClientServers servers_;
  bool stood_ = false;  ///< control thread
};

}  // namespace tajo
