#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

struct pg_conn;

namespace tajo::client {

struct QueryProgress {
  std::string query_id;
  double fraction = 0;
  std::uint64_t rows = 0;
};

/// Asks on a connection of its own how far a statement is. tick() belongs to the thread that runs the statement; the
/// bar stands on stderr.
class ProgressWatch {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  ProgressWatch();
  ~ProgressWatch();
  ProgressWatch(const ProgressWatch&) = delete;
  ProgressWatch& operator=(const ProgressWatch&) = delete;

  /// `session`: whose statement; `parameters`: how to reach the cluster.
  void begin(const std::string& session, Parameters parameters);
  void tick();   ///< draws the bar once the statement has run long enough
  void clear();  ///< takes the bar off the screen
  void end();
  /// Of the statement begun last, as far as known.
  std::string query_id() const;

 private:
  void work();
  void ask(const std::string& session, const Parameters& parameters);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::string session_;     ///< empty: nothing to watch
  Parameters parameters_;
  QueryProgress progress_;
  bool asked_ = false;      ///< the statement runs long enough to be asked about
  bool ending_ = false;
  bool drawn_ = false;
  std::int64_t start_us_ = 0;
  std::thread thread_;
  pg_conn* connection_ = nullptr;   ///< of the thread
  Parameters connected_with_;
};

/// `[====>   ] 42%  1234567 rows  3.18 sec`
std::string progress_line(const QueryProgress& progress, double seconds);

}  // namespace tajo::client
