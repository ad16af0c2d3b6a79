#pragma once
#include <cstdint>
#include <string>

#include "socket.hpp"

namespace tajo::pgwire {

/// The rows of a portal that a client fetches in portions: DataRow messages, in memory up to a bound, then in an
/// unnamed file. Written once, then read once. One thread.
class PortalSpool {
 public:
  explicit PortalSpool(std::string directory) : directory_(std::move(directory)) {}
  ~PortalSpool();
  PortalSpool(const PortalSpool&) = delete;
  PortalSpool& operator=(const PortalSpool&) = delete;

  /// Where whole messages are appended; settle() moves them to the file when they are many. Error 53100, 58030.
  std::string& buffer() { return tail_; }
  void settle();
  /// Sends up to `limit` rows (0 = all), returns how many.
  std::uint64_t send(Socket& socket, std::uint64_t limit);

 private:
  bool load(std::size_t bytes);  ///< makes at least `bytes` available in window_ from window_at_; false at the end

  std::string directory_;
  std::string tail_;
  int file_ = -1;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t file_read_ = 0;
  std::string window_;
  std::size_t window_at_ = 0;
};

}  // namespace tajo::pgwire
