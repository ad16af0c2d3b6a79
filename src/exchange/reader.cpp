#include "reader.hpp"

#include <algorithm>
#include <utility>

namespace tajo::exchange {
namespace {
constexpr std::size_t kLocalAhead = 2;  // blocks of a local output that lie ready
}

ReaderState::ReaderState(std::vector<OutputSource> sources, std::uint16_t partition, std::size_t window, Transfers& transfers,
                         BlockFiles& files, const Transfers::Find& find)
    : partition_(partition), stream_credit_(std::max(window / kOpenStreams, kBlockTargetBytes)), transfers_(transfers),
      files_(files) {
  for (OutputSource& what : sources) {
    Source s;
    s.what = std::move(what);
    if (s.what.inline_output) {
      s.local = s.ended = true;
      for (BlockRef& b : decode_inline(s.what.inline_output, partition)) s.arrived.push_back(std::move(b));
    } else if (s.what.rank == transfers.rank()) {
      s.local = true;
      s.output = find(s.what.task);
      if (!s.output || partition >= s.output->partitions.size()) {
        if (!error_) error_ = std::make_exception_ptr(OutputLost(s.what.task));
        s.output.reset();
      }
      s.ended = !s.output || s.output->partitions[partition].empty();
    }
    sources_.push_back(std::move(s));
  }
}

void ReaderState::cursor_added() {
  const std::lock_guard lock(mutex_);
  ++cursors_;
  open_streams();  // pulling begins before the first thread asks
}

/// In the order of the sources, so that with one cursor the source under read is always among the open ones.
void ReaderState::open_streams() {
  if (error_) return;
  for (; to_open_ < sources_.size() && open_ < kOpenStreams; ++to_open_) {
    Source& s = sources_[to_open_];
    if (s.local) continue;
    s.stream = transfers_.open(s.what.rank, s.what.task, partition_, stream_credit_, weak_from_this(), to_open_);
    if (s.stream == 0) {
      error_ = std::make_exception_ptr(OutputLost(s.what.task));
      return;
    }
    s.opened = true;
    ++open_;
  }
}

/// Blocks in memory are handed over as they are; a spilled one is read back by the files' thread.
void ReaderState::fill_local(std::size_t index) {
  Source& s = sources_[index];
  if (!s.output) return;
  const auto& blocks = s.output->partitions[partition_];
  while (!s.loading && s.next < blocks.size() && s.arrived.size() < kLocalAhead) {
    const std::shared_ptr<StoredBlock>& block = blocks[s.next++];
    if (auto bytes = block->in_memory()) {
      const ByteView view(*bytes);
      s.arrived.push_back({std::move(bytes), view});
      continue;
    }
    s.loading = true;
    files_.load(block, [self = weak_from_this(), index](std::shared_ptr<const Bytes> bytes, const std::exception_ptr& error) {
      if (const auto state = self.lock()) state->loaded(index, std::move(bytes), error);
    });
  }
  s.ended = s.next == blocks.size() && !s.loading;
}

Flow ReaderState::take(BlockRef& out, Waker& waker) {
  std::unique_lock lock(mutex_);
  if (error_) std::rethrow_exception(error_);
  const bool ordered = cursors_ <= 1;
  for (std::size_t i = first_; i < sources_.size(); ++i) {
    Source& s = sources_[i];
    fill_local(i);
    if (!s.arrived.empty()) {
      out = std::move(s.arrived.front());
      s.arrived.pop_front();
      fill_local(i);
      if (s.opened && !s.ended) {
        s.owed += out.bytes.size();
        if (s.owed >= stream_credit_ / 4) transfers_.credit(s.what.rank, s.stream, std::exchange(s.owed, 0));
      }
      return Flow::kMore;
    }
    if (s.ended && i == first_) {
      ++first_;
      continue;
    }
    if (!s.ended && ordered) break;
  }
  if (first_ == sources_.size()) return Flow::kDone;
  if (std::find(waiting_.begin(), waiting_.end(), &waker) == waiting_.end()) waiting_.push_back(&waker);
  return Flow::kBlocked;
}

void ReaderState::wake(std::unique_lock<std::mutex>& lock) {
  std::vector<Waker*> woken;
  woken.swap(waiting_);
  lock.unlock();
  for (Waker* w : woken) w->wake();
}

void ReaderState::block(std::size_t source, BlockRef block) {
  std::unique_lock lock(mutex_);
  if (error_) return;
  sources_[source].arrived.push_back(std::move(block));
  wake(lock);
}

void ReaderState::end(std::size_t source) {
  std::unique_lock lock(mutex_);
  Source& s = sources_[source];
  if (!s.ended) --open_;
  s.ended = true;
  open_streams();
  wake(lock);
}

void ReaderState::loaded(std::size_t source, std::shared_ptr<const Bytes> bytes, const std::exception_ptr& error) {
  if (error) return fail(error);
  std::unique_lock lock(mutex_);
  Source& s = sources_[source];
  s.loading = false;
  const ByteView view(*bytes);
  s.arrived.push_back({std::move(bytes), view});
  wake(lock);
}

void ReaderState::fail(std::exception_ptr error) {
  std::unique_lock lock(mutex_);
  if (!error_) error_ = std::move(error);
  wake(lock);
}

void ReaderState::lost(std::size_t source) {
  fail(std::make_exception_ptr(OutputLost(sources_[source].what.task)));
}

void ReaderState::peer_lost(Rank rank) {
  std::unique_lock lock(mutex_);
  for (std::size_t i = first_; i < sources_.size() && !error_; ++i) {
    const Source& s = sources_[i];
    if (!s.local && !s.ended && s.what.rank == rank) error_ = std::make_exception_ptr(OutputLost(s.what.task));
  }
  if (error_) wake(lock);
}

void ReaderState::close() {
  std::unique_lock lock(mutex_);
  waiting_.clear();
  if (!error_) error_ = std::make_exception_ptr(Error(sqlstate::kQueryCanceled, "the reader of this exchange is closed"));
  for (const Source& s : sources_)
    if (s.opened && !s.ended) transfers_.close(s.what.rank, s.stream);
}

std::string ReaderState::waits_for() {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (std::size_t i = first_; i < sources_.size(); ++i) {
    const Source& s = sources_[i];
    if (s.ended && s.arrived.empty()) continue;
    out += (out.empty() ? "" : ", ") + s.what.task.str() + " of rank " + std::to_string(s.what.rank) +
           (s.local ? "" : s.opened ? " by stream " + std::to_string(s.stream) : " not asked yet") + (s.loading ? " being read back" : "") +
           (s.arrived.empty() ? "" : " with " + std::to_string(s.arrived.size()) + " blocks here");
  }
  return out;
}

Flow BlockReaderCursor::next(data::Batch& out, Waker& waker) {
  while (true) {
    if (reader_) {
      arena_.reset();
      out.arena = &arena_;
      if (reader_->next(out)) return Flow::kMore;
      reader_.reset();
      block_ = {};
    }
    const Flow flow = state_->take(block_, waker);
    if (flow != Flow::kMore) return flow;
    reader_.emplace(block_.bytes);
  }
}

}  // namespace tajo::exchange
