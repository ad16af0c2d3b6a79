#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

#include "tajo/common/error.hpp"
#include "tajo/common/ids.hpp"

namespace tajo::exec {

struct MemoryLimits {
  std::size_t pool = std::size_t{1} << 30;  ///< bytes of all queries of this rank
  std::size_t floor = 256 << 10;            ///< what a table or run may have in any case, so that spilling gets on
  std::size_t share = ~std::size_t{0};      ///< most that a thread keeps of an operator's rows before it spills them
};

/// Bytes of all queries of this rank, under one bound. Any thread.
class MemoryPool {
 public:
  /// `used`: where it is counted. `grown`: called now and then while it grows, and when it refuses; any thread.
  explicit MemoryPool(const MemoryLimits& limits, std::shared_ptr<std::atomic<std::size_t>> used = nullptr, std::function<void()> grown = nullptr)
      : limits_(limits),
        step_(std::max<std::size_t>(limits.pool / kSteps, 1)),
        counter_(used ? std::move(used) : std::make_shared<std::atomic<std::size_t>>(0)),
        used_(*counter_),
        grown_(std::move(grown)) {}
  bool try_grow(std::size_t bytes) {
    const std::size_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
    const bool fits = before + bytes <= limits_.pool;
    if (grown_ && (!fits || before / step_ != (before + bytes) / step_)) grown_();
    if (!fits) used_.fetch_sub(bytes, std::memory_order_relaxed);
    return fits;
  }
  void force(std::size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void shrink(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  const MemoryLimits& limits() const { return limits_; }

 private:
  static constexpr std::size_t kSteps = 16;
  const MemoryLimits limits_;
  const std::size_t step_;
  const std::shared_ptr<std::atomic<std::size_t>> counter_;
  std::atomic<std::size_t>& used_;
  const std::function<void()> grown_;
};

/// One query's share of the pool; its tasks hold it. Any thread.
class MemoryAccount {
 public:
  MemoryAccount(MemoryPool& pool, const QueryId& query) : pool_(pool), query_(query) {}
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;
  ~MemoryAccount() { pool_.shrink(used()); }
  bool try_grow(std::size_t bytes) {
    if (!pool_.try_grow(bytes)) return false;
    used_.fetch_add(bytes, std::memory_order_relaxed);
    return true;
  }
  void force(std::size_t bytes) {
    pool_.force(bytes);
    used_.fetch_add(bytes, std::memory_order_relaxed);
  }
  void shrink(std::size_t bytes) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    pool_.shrink(bytes);
  }
  const MemoryLimits& limits() const { return pool_.limits(); }
  /// What all queries together have not taken.
  std::size_t left() const { return pool_.used() >= limits().pool ? 0 : limits().pool - pool_.used(); }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  [[noreturn]] void refuse(const char* what, std::size_t bytes) const;

 private:
  MemoryPool& pool_;
  const QueryId query_;
  std::atomic<std::size_t> used_{0};
};

/// What one table, run or arena of an operator holds of its query's account; given back when destroyed. One thread.
class Reservation {
 public:
  Reservation() = default;
  Reservation(MemoryAccount& account, const char* what) : account_(&account), what_(what) {}
  Reservation(Reservation&& other) noexcept : account_(other.account_), what_(other.what_), held_(other.held_) { other.held_ = 0; }
  Reservation& operator=(Reservation&& other) noexcept {
    if (this != &other) {
      release();
      account_ = other.account_;
      what_ = other.what_;
      held_ = other.held_;
      other.held_ = 0;
    }
    return *this;
  }
  ~Reservation() { release(); }
  /// Brings the reservation to `bytes`. False, with nothing changed, when the pool refuses and it is above the floor.
  bool try_set(std::size_t bytes) {
    if (account_ != nullptr && bytes > held_) {
      if (!account_->try_grow(bytes - held_)) {
        if (bytes > account_->limits().floor) return false;
        account_->force(bytes - held_);
      }
    } else if (account_ != nullptr) {
      account_->shrink(held_ - bytes);
    }
    held_ = bytes;
    return true;
  }
  /// The same for rows that a thread collects: not beyond its share either.
  bool may_keep(std::size_t bytes) { return (account_ == nullptr || bytes <= account_->limits().share) && try_set(bytes); }
  /// Error 53200 naming operator and query when it is refused.
  void set(std::size_t bytes) {
    if (!try_set(bytes)) refuse(bytes);
  }
  [[noreturn]] void refuse(std::size_t bytes) const { account_->refuse(what_, bytes); }
  std::size_t held() const { return held_; }

 private:
  void release() {
    if (account_ != nullptr && held_ != 0) account_->shrink(held_);
    held_ = 0;
  }
  MemoryAccount* account_ = nullptr;
  const char* what_ = "";
  std::size_t held_ = 0;
};

/// A large zeroed array that the kernel fills page by page (directories of hash tables, bitmaps).
template <class T>
class ZeroedArray {
 public:
  ZeroedArray() = default;
  ZeroedArray(std::size_t n, Reservation reservation) : reservation_(std::move(reservation)), size_(n) {
    reservation_.set(n * sizeof(T));
    data_.reset(static_cast<T*>(allocate(n * sizeof(T))));
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }

 private:
  static void* allocate(std::size_t bytes);
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  Reservation reservation_;
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

void* allocate_zeroed(std::size_t bytes);  ///< by std::free; throws Error 53200
template <class T>
void* ZeroedArray<T>::allocate(std::size_t bytes) {
  return allocate_zeroed(bytes == 0 ? 1 : bytes);
}

}  // namespace tajo::exec
