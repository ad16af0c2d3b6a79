#include "portal_spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "tajo/common/error.hpp"

namespace tajo::pgwire {
namespace {

constexpr std::size_t kSpoolMemoryBytes = 8 << 20;
constexpr std::size_t kSpoolReadBytes = 1 << 20;

[[noreturn]] void failed(const std::string& what) {
  throw Error(errno == ENOSPC || errno == EDQUOT ? sqlstate::kDiskFull : sqlstate::kIoError,
              "could not " + what + " for a result fetched in portions: " + std::strerror(errno));
}

}  // namespace

PortalSpool::~PortalSpool() {
  if (file_ >= 0) ::close(file_);
}

void PortalSpool::settle() {
  if (tail_.size() < kSpoolMemoryBytes) return;
  if (file_ < 0) {
    std::string name = directory_ + "/tajo-portal-XXXXXX";
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ < 0) failed("create a file in " + directory_);
    ::unlink(name.c_str());
  }
  std::size_t done = 0;
  while (done < tail_.size()) {
    ssize_t put = ::write(file_, tail_.data() + done, tail_.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) failed("write a file in " + directory_);
    done += static_cast<std::size_t>(put);
  }
  file_bytes_ += done;
  tail_.clear();
}

bool PortalSpool::load(std::size_t bytes) {
  while (window_.size() - window_at_ < bytes) {
    window_.erase(0, window_at_);
    window_at_ = 0;
    if (file_read_ < file_bytes_) {
      std::size_t have = window_.size();
      auto ask = static_cast<std::size_t>(std::min<std::uint64_t>(std::max(kSpoolReadBytes, bytes), file_bytes_ - file_read_));
      window_.resize(have + ask);
      ssize_t got = ::pread(file_, window_.data() + have, ask, static_cast<off_t>(file_read_));
      if (got < 0 && errno == EINTR) got = 0;
      else if (got <= 0) failed("read a file in " + directory_);
      window_.resize(have + static_cast<std::size_t>(got));
      file_read_ += static_cast<std::size_t>(got);
    } else if (!tail_.empty()) {
      window_ += tail_;
      tail_.clear();
    } else {
      return false;
    }
  }
  return true;
}

std::uint64_t PortalSpool::send(Socket& socket, std::uint64_t limit) {
  constexpr std::size_t kHeader = 5;
  if (limit == 0) limit = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t rows = 0;
  while (rows < limit && load(kHeader)) {
    std::uint32_t length;
    std::memcpy(&length, window_.data() + window_at_ + 1, sizeof length);
    std::size_t whole = std::size_t{__builtin_bswap32(length)} + 1;
    bool there = load(whole);
    TAJO_ASSERT(there);
    socket.out().append(window_, window_at_, whole);
    window_at_ += whole;
    ++rows;
    socket.flush_if_large();
  }
  return rows;
}

}  // namespace tajo::pgwire
