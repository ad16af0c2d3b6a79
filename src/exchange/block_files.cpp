#include "block_files.hpp"

#include <algorithm>

#include "tajo/common/log.hpp"

namespace tajo::exchange {
namespace {

constexpr std::uint64_t kSpillFileBytes = std::uint64_t{256} << 20;  // then the next file, in the next directory
constexpr auto kTryAgain = std::chrono::seconds(1);

}  // namespace

BlockFiles::BlockFiles(std::shared_ptr<MemoryGauge> gauge, std::vector<std::string> directories)
    : gauge_(std::move(gauge)), directories_(std::move(directories)), thread_([this] { run(); }) {}

BlockFiles::~BlockFiles() { stop(); }

void BlockFiles::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BlockFiles::offer(const std::shared_ptr<StoredBlock>& block) {
  bool notify = false;
  {
    const std::lock_guard lock(mutex_);
    candidates_.push_back(block);
    if (candidates_.size() >= purge_at_) {
      std::erase_if(candidates_, [](const auto& b) { return b.expired(); });
      purge_at_ = std::max<std::size_t>(1024, 2 * candidates_.size());
    }
    notify = gauge_->over();
  }
  if (notify) changed_.notify_all();
}

void BlockFiles::look() {
  if (!gauge_->over()) return;
  { const std::lock_guard lock(mutex_); }  // it may be about to wait
  changed_.notify_all();
}

void BlockFiles::load(std::shared_ptr<StoredBlock> block, Loaded done) {
  {
    const std::lock_guard lock(mutex_);
    loads_.emplace_back(std::move(block), std::move(done));
  }
  changed_.notify_all();
}

bool BlockFiles::behind(Waker& waker) {
  if (!gauge_->far_over()) return false;
  {
    const std::lock_guard lock(mutex_);
    if (trouble_) throw *trouble_;
    if (candidates_.empty() || !gauge_->far_over()) return false;
    if (directories_.empty())
      throw Error(sqlstate::kOutOfMemory, "task outputs exceed the memory of this rank and no directory to spill to is set")
          .hint("Set tajo.worker.tmpdir.locations.");
    if (std::find(producers_.begin(), producers_.end(), &waker) == producers_.end()) producers_.push_back(&waker);
  }
  changed_.notify_all();
  return true;
}

void BlockFiles::wake_producers(std::unique_lock<std::mutex>& lock) {
  std::vector<Waker*> wake;
  wake.swap(producers_);
  lock.unlock();
  for (Waker* w : wake) w->wake();
  lock.lock();
}

void BlockFiles::spill_one(std::unique_lock<std::mutex>& lock) {
  const std::shared_ptr<StoredBlock> block = candidates_.front().lock();
  candidates_.pop_front();
  if (!block) return;
  lock.unlock();
  std::optional<Error> trouble;
  try {
    if (!file_ || file_->size() >= kSpillFileBytes)
      file_ = std::make_shared<SpillFile>(directories_[next_directory_++ % directories_.size()]);
    block->spill(file_);
  } catch (const Error& e) {
    trouble = e;
    file_.reset();  // the next try may find another directory
    log_warn("exchange", e.what());
  }
  lock.lock();
  trouble_ = trouble;
  if (!trouble) return;
  candidates_.push_front(block);
  try_again_ = std::chrono::steady_clock::now() + kTryAgain;
  wake_producers(lock);
}

void BlockFiles::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!loads_.empty()) {
      auto [block, done] = std::move(loads_.front());
      loads_.pop_front();
      lock.unlock();
      std::shared_ptr<const Bytes> bytes;
      std::exception_ptr error;
      try {
        bytes = block->load();
      } catch (...) {
        error = std::current_exception();
      }
      done(std::move(bytes), error);
      block.reset();
      done = nullptr;
      lock.lock();
      continue;
    }
    const bool wanted = gauge_->over() && !candidates_.empty() && !directories_.empty();
    if (!producers_.empty() && (!gauge_->far_over() || candidates_.empty())) {
      wake_producers(lock);
      continue;
    }
    if (wanted && (!trouble_ || std::chrono::steady_clock::now() >= try_again_)) {
      spill_one(lock);
      continue;
    }
    if (!gauge_->over()) trouble_.reset();
    // Memory may also fall because an output is dropped: looked at again soon while somebody waits.
    if (!producers_.empty() || trouble_)
      changed_.wait_for(lock, std::chrono::milliseconds(20));
    else
      changed_.wait(lock);
  }
}

}  // namespace tajo::exchange
