#pragma once
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "tajo/common/ids.hpp"

namespace tajo::pgwire {

/// The client is gone (end of file, reset, login too slow). Passes through the service like any sink error.
class ConnectionClosed : public std::exception {
 public:
  const char* what() const noexcept override { return "connection to client lost"; }
};

inline constexpr std::size_t kWriteBytes = 64 * 1024;  ///< rows gather up to here before they are written

/// A connected stream socket with buffers on both sides; blocking writes are the back-pressure. One thread.
class Socket {
 public:
  explicit Socket(int fd);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }
  /// Until `when` (CLOCK_BOOTTIME µs) reads must be complete; 0: no limit.
  void set_deadline(Micros when) { deadline_us_ = when; }

  /// False when the stream ended before the first byte; ConnectionClosed when it ends within.
  bool read(void* out, std::size_t n);
  /// Appends n bytes to `out`, which grows only as they arrive: a length that lies costs no memory.
  void append_to(std::string& out, std::size_t n);
  std::string_view buffered() const { return {in_.data() + in_begin_, in_end_ - in_begin_}; }

  /// What goes out next; flush() writes it all.
  std::string& out() { return out_; }
  void flush();
  void flush_if_large() {
    if (out_.size() >= kWriteBytes) flush();
  }
  bool lost() const { return lost_; }
  /// No more is written, the client reads what was sent, then its remaining bytes are dropped: an error text that
  /// was sent is not overtaken by a reset.
  void close_gracefully();

 private:
  std::size_t receive(char* to, std::size_t n);  ///< 0 = end of stream
  void fill();

  int fd_;
  bool lost_ = false;
  Micros deadline_us_ = 0;
  std::string in_;
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;
  std::string out_;
};

}  // namespace tajo::pgwire
