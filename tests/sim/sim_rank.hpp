#pragma once
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "events.hpp"
#include "file_server.hpp"
#include "service.hpp"
#include "tajo/cluster/cluster_node.hpp"
#include "tajo/cluster/watchdog.hpp"

namespace tajo::sim {

class Sim;

inline constexpr int kHostsAWorld = 100'000;

/// One process: the real node over simulated files, messages and time, and a service above it.
class SimRank final : public cluster::NodeListener, public cluster::MessagePort {
 public:
  SimRank(Sim& sim, int world, Rank rank, cluster::NodeConfig config);
  ~SimRank() override;
  void start();

  // the process
  /// Runs `fn` in this process: now, after it goes on when it is stopped, never when it is dead.
  void run(std::function<void()> fn, bool completion = false);
  /// The same for its I/O thread, which looks at no clock and goes on first.
  void run_io(std::function<void()> fn);
  void stop();
  void go_on();
  void hang();  ///< its loop hangs, its watchdog does not
  void die(const std::string& why);
  Micros clock() const;
  Micros to_sim(Micros node_time) const;

  // MessagePort
  void send(Rank to, cluster::Lane lane, Bytes payload) override;
  void set_stamp(const cluster::Stamp& stamp) override { stamp_ = stamp; }
  void reset_peer(Rank peer, Incarnation incarnation) override;
  void expect_peer(Rank peer, Incarnation incarnation) override;
  // NodeListener
  void on_view(const cluster::View& view, cluster::Role self) override;
  void on_active(Epoch epoch) override;
  void on_passive() override;
  void on_evicted() override;
  void on_exit(const std::string& reason) override;
  void on_frame(Rank source, Bytes payload) override;
  void on_read_only(bool value) override;
  void on_log_damaged(const std::string& text) override;

  void arm();
  bool master() const { return is_master; }

  Sim& sim;
  int world;
  Rank rank;
  int host;  ///< world * kHostsAWorld + rank: every rank has a host of its own
  bool is_master = false;
  /// A master, or a spare that has become one.
  bool takes_clients() const {
    return is_master || node->role() == cluster::Role::kActive || node->role() == cluster::Role::kBackup;
  }
  bool alive = true;
  bool paused = false;
  bool hung = false;
  Micros stopped_at = 0;
  Micros stable_since = 0;
  bool serving = false;
  std::unique_ptr<cluster::ClusterNode> node;
  std::unique_ptr<Service> service;
  cluster::Stamp stamp_;
  std::map<Rank, Incarnation> peers;  ///< what its links know: frames are meant for these lives of the peers
  cluster::Watchdog watchdog;

 private:
  void watch();

  std::unique_ptr<SimLogFiles> files_;
  std::deque<std::pair<bool, std::function<void()>>> inbox_;  // while stopped; true: of the I/O thread
  Micros armed_ = INT64_MAX;
  std::uint64_t armed_version_ = 0;
  double clock_rate_;
  Micros clock_offset_;
  // what only grows
  ViewNumber last_view_ = 0;
  Epoch last_epoch_ = 0;
  Incarnation last_incarnation_ = 0;
};

}  // namespace tajo::sim
