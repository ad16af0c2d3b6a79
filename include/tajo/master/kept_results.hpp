#pragma once
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "tajo/protocol/messages.hpp"

namespace tajo::master {

/// The outcomes a master holds in memory: its own as active, copies of the active's as backup. Who asks again, by
/// request id or by query id, gets them. Bounded; the oldest leave first. Any thread.
class KeptResults {
 public:
  using Reply = std::shared_ptr<const protocol::ClientReply>;
  static constexpr std::size_t kMaxKept = 10'000;                      ///< as many as the history holds
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;     ///< above: the active moves the oldest to staging
  static constexpr std::size_t kMaxBytesAtAll = std::size_t{96} << 20;  ///< above: dropped, if that was too slow
  static constexpr std::size_t kMaxSaved = 1'000;                       ///< the latest, when a world ends as planned

  /// Times are boottime: no jump of a clock makes a result old.
  void keep(Reply reply, std::int64_t now_ms);
  Reply by_request(const std::string& request_id) const;
  Reply by_query(const QueryId& query) const;
  /// The oldest with rows in memory, while these are more than kMaxBytes; nullptr: nothing to move.
  Reply to_move() const;
  /// The latest that has a result in memory; nullptr: kMaxSaved of them are in files.
  Reply to_save() const;
  /// Its rows stand in a file from now on.
  void moved(const Reply& reply, const std::string& path);
  void drop_before(std::int64_t ms);

 private:
  struct Kept {
    Reply reply;
    std::int64_t kept_ms = 0;
    std::size_t bytes = 0;
  };
  void drop_oldest();

  mutable std::mutex mutex_;
  std::map<std::string, Kept> kept_;                ///< by request id
  std::deque<std::string> order_;                   ///< request ids, oldest first
  std::map<QueryId, std::string> of_query_;
  std::size_t bytes_ = 0;
};

}  // namespace tajo::master
