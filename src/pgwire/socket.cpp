#include "socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tajo/common/clock.hpp"

namespace tajo::pgwire {
namespace {
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kArrivalStep = 1 << 20;     // largest growth of a message ahead of its bytes
constexpr std::size_t kKeptOutBytes = 1 << 20;    // output buffers beyond this are given back
constexpr int kLingerReads = 64;
constexpr int kLingerWaitMs = 500;
}  // namespace

Socket::Socket(int fd) : fd_(fd), in_(kReadBytes, '\0') {}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

std::size_t Socket::receive(char* to, std::size_t n) {
  for (;;) {
    if (deadline_us_ != 0) {
      Micros left = deadline_us_ - boottime_us();
      pollfd waiting{fd_, POLLIN, 0};
      if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left / 1000) + 1) == 0) {
        lost_ = true;
        throw ConnectionClosed();
      }
    }
    ssize_t got = ::recv(fd_, to, n, 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    lost_ = true;
    return 0;
  }
}

void Socket::fill() {
  in_begin_ = 0;
  in_end_ = receive(in_.data(), in_.size());
}

bool Socket::read(void* out, std::size_t n) {
  char* to = static_cast<char*>(out);
  std::size_t done = 0;
  while (done < n) {
    if (in_begin_ == in_end_) fill();
    if (in_end_ == 0) {
      if (done == 0) return false;
      lost_ = true;
      throw ConnectionClosed();
    }
    std::size_t step = std::min(n - done, in_end_ - in_begin_);
    std::memcpy(to + done, in_.data() + in_begin_, step);
    in_begin_ += step;
    done += step;
  }
  return true;
}

void Socket::append_to(std::string& out, std::size_t n) {
  std::size_t step = std::min(n, in_end_ - in_begin_);
  out.append(in_.data() + in_begin_, step);
  in_begin_ += step;
  n -= step;
  while (n > 0) {
    std::size_t have = out.size();
    std::size_t ask = std::min(n, kArrivalStep);
    out.resize(have + ask);
    std::size_t got = receive(out.data() + have, ask);
    out.resize(have + got);
    if (got == 0) {
      lost_ = true;
      throw ConnectionClosed();
    }
    n -= got;
  }
}

void Socket::flush() {
  std::size_t done = 0;
  while (done < out_.size()) {
    ssize_t put = lost_ ? -1 : ::send(fd_, out_.data() + done, out_.size() - done, MSG_NOSIGNAL);
    if (put < 0) {
      if (!lost_ && errno == EINTR) continue;
      lost_ = true;
      out_.clear();
      throw ConnectionClosed();
    }
    done += static_cast<std::size_t>(put);
  }
  out_.clear();
  if (out_.capacity() > kKeptOutBytes) out_.shrink_to_fit();
}

void Socket::close_gracefully() {
  if (!lost_) {
    ::shutdown(fd_, SHUT_WR);
    char drop[4096];
    for (int i = 0; i < kLingerReads; ++i) {
      pollfd waiting{fd_, POLLIN, 0};
      if (::poll(&waiting, 1, kLingerWaitMs) <= 0 || ::recv(fd_, drop, sizeof drop, 0) <= 0) break;
    }
  }
  ::close(fd_);
  fd_ = -1;
}

}  // namespace tajo::pgwire
