#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "block.hpp"
#include "tajo/exchange/flow.hpp"

namespace tajo::exchange {

/// The thread that touches spill files: writes the oldest blocks while the gauge is over its bound, reads spilled ones
/// for those who must not wait. Any thread may call.
class BlockFiles {
 public:
  using Loaded = std::function<void(std::shared_ptr<const Bytes>, std::exception_ptr)>;

  BlockFiles(std::shared_ptr<MemoryGauge> gauge, std::vector<std::string> directories);
  ~BlockFiles();
  /// Ends the thread; calls back nobody from then on.
  void stop();

  /// The block may be spilled from now on.
  void offer(const std::shared_ptr<StoredBlock>& block);
  /// The gauge's bound has fallen: looks whether it is over now.
  void look();
  /// Calls back on the files' thread.
  void load(std::shared_ptr<StoredBlock> block, Loaded done);
  /// True: a producer should stand still; the waker fires. False when nothing is left that could be spilled: waiting
  /// would not help. Throws Error 53100, 58030 or 53200 when spilling fails or nothing may be spilled.
  bool behind(Waker& waker);

 private:
  void run();
  void spill_one(std::unique_lock<std::mutex>& lock);
  void wake_producers(std::unique_lock<std::mutex>& lock);

  std::shared_ptr<MemoryGauge> gauge_;
  const std::vector<std::string> directories_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::shared_ptr<StoredBlock>, Loaded>> loads_;  ///< bound: one a source under read
  std::deque<std::weak_ptr<StoredBlock>> candidates_;                  ///< oldest first
  std::size_t purge_at_ = 1024;
  std::vector<Waker*> producers_;
  std::optional<Error> trouble_;
  std::chrono::steady_clock::time_point try_again_{};
  std::shared_ptr<SpillFile> file_;  ///< the files' thread only
  std::size_t next_directory_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tajo::exchange
