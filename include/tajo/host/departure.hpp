#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "tajo/cluster/node.hpp"
#include "tajo/common/event_loop.hpp"

namespace tajo::host {

/// How a rank leaves in good order. The active says its last words in the log, so that whoever starts next knows that
/// this cluster has ended; when everybody is to end, the others wait for that: an active left alone could not commit.
class Departure {
 public:
  /// `tell`: control thread; sends the word to leave to every member.
  Departure(EventLoop& loop, cluster::Node& node, std::string launch, std::function<void()> tell);
  /// The active has said its last words for everybody. Any thread.
  void heard();
  bool told_to_leave() const;
  /// Returns when this rank may end: at the latest after 8 s when everybody ends or this is the active, else after half a second. Not on the
  /// control thread, which stops when the last words are committed.
  void wait(bool everybody);

 private:
  void try_last_words(bool everybody);

  EventLoop& loop_;
  cluster::Node& node_;
  std::string launch_;
  std::function<void()> tell_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool heard_ = false, said_ = false;
  bool active_ = false;    ///< at the last look; it leaves its last words before it goes
  bool proposed_ = false;  // control thread
};

}  // namespace tajo::host
