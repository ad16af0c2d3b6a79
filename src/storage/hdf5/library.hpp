#pragma once
#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

namespace tajo::storage::hdf5 {

/// Debian's libhdf5 is not thread-safe: whoever calls it holds this lock, for as long as its ids live. Managed scans
/// never come here, and managed files are laid out in memory, so no I/O of tables waits behind it.
class LibraryLock {
 public:
  LibraryLock();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

/// Owner of one id of the library; closed under the lock the caller holds.
class Id {
 public:
  using Close = herr_t (*)(hid_t);
  Id() = default;
  Id(hid_t id, Close close) : id_(id), close_(close) {}
  Id(Id&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Id& operator=(Id&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  hid_t get() const { return id_; }
  operator hid_t() const { return id_; }
  /// Closes now; throws when that fails.
  void close(const std::string& what);

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// The id, or an Error XX001 with the library's innermost complaint.
Id checked(hid_t id, Id::Close close, const std::string& what);
/// Throws the same Error when `result` is negative.
void check(herr_t result, const std::string& what);

}  // namespace tajo::storage::hdf5
