#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tajo/common/ids.hpp"
#include "tajo/common/thread.hpp"

/// What a running cluster says of itself to whoever sees the root directory, in `${tajo.rootdir}/system/ha`:
///   master-<launch>-<rank>   a master's addresses and state (Endpoint), withdrawn when it stops
///   rank-<launch>-<rank>     a rank with a keeper, there until it has ended and its leftovers are gone; renamed to
///                            stopping-… when its keeper has seen the request to stop
///   launcher-<host>-<launch> mpirun's daemon there and its directory, to be removed when it was killed
///   started-<host>           mpirun was started there
///   supervisor-<host>-<pid>  a supervisor that watches
///   requests/stop[-<launch>] everything that runs on this root directory (of this launch) is to end
///   requests/drain-<launch>  its masters let no statement in; what runs may end
///   requests/close-<launch>  … and its active ends the log with its last words
///   requests/replace-<launch> its ranks are ended at once: another launch takes its place and re-runs what it ran
///   requests/resize          `N`, the number of workers: for the supervisor (launch/supervise.sh)
///   after-<launch>           a link whose text is the launch that replaced it
/// Nothing here carries safety: the log decides who commits.
namespace tajo::host {

struct Endpoint {
  std::string host;
  int client_port = 0, http_port = 0;
  std::int64_t pid = 0;
  Rank rank = kNoRank;
  std::uint64_t world = 0;
  std::string launch;
  Epoch epoch = 0;
  std::string state;  ///< active|backup|spare|worker|outside
  int members = 0, workers = 0;  ///< of the view
  int running = 0;               ///< queries
  int inside = 0;                ///< statements of this master's own clients, until their last row has left
  bool paused = false;           ///< it lets none in
  std::string text() const;  ///< `key value` lines
  static Endpoint parse(const std::string& text);
};

std::string ha_directory(const std::string& rootdir);
/// Blocks on the filesystem.
std::vector<Endpoint> published_endpoints(const std::string& directory);
enum class Request { kNone, kDrain, kClose, kStop, kReplace };  ///< of several the last in this order
Request requested(const std::string& directory, const std::string& launch);

/// Keeps this rank's endpoint current and looks for requests. The filesystem is touched on its own thread only.
class Publisher {
 public:
  /// `on_request`: at each change of what is asked, on the publisher's thread; must not block.
  Publisher(std::string directory, Endpoint self, std::function<void(Request)> on_request);
  ~Publisher();
  /// Any thread.
  void update(Epoch epoch, const std::string& state, std::set<Rank> members, int workers);
  void load(int running, int inside, bool paused);
  /// Removes the endpoint and ends the thread, or leaves a hung filesystem to itself after a second.
  void withdraw();
  const std::string& path() const { return path_; }

 private:
  void run();
  void publish(const Endpoint& endpoint) const;
  void withdraw_others(const Endpoint& endpoint, const std::set<Rank>& members) const;

  std::string directory_, path_, unnamed_;
  std::function<void(Request)> on_request_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Endpoint endpoint_;
  std::set<Rank> members_;
  bool changed_ = true, ending_ = false, ended_ = false;
  Thread thread_;
};

}  // namespace tajo::host
