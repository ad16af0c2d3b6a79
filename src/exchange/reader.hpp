#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "tajo/data/batch_codec.hpp"
#include "tajo/exchange/output.hpp"
#include "transfer.hpp"

namespace tajo::exchange {

inline constexpr std::size_t kOpenStreams = 8;  ///< remote sources a reader pulls at the same time

/// The state that the cursors of one OutputReader share. Blocks arrive per source; with one cursor they are given out
/// source by source, with several in whatever order they come.
class ReaderState final : public StreamReceiver, public std::enable_shared_from_this<ReaderState> {
 public:
  ReaderState(std::vector<OutputSource> sources, std::uint16_t partition, std::size_t window, Transfers& transfers,
              BlockFiles& files, const Transfers::Find& find);

  /// The next block for the calling thread. Throws OutputLost, or the Error of a damaged or unreadable block.
  Flow take(BlockRef& out, Waker& waker);
  void cursor_added();
  void close();
  std::string waits_for();

  void block(std::size_t source, BlockRef block) override;
  void end(std::size_t source) override;
  void lost(std::size_t source) override;
  void peer_lost(Rank rank) override;

 private:
  struct Source {
    OutputSource what;
    bool local = false;      ///< blocks below are all there is
    bool ended = false;      ///< nothing more will be added to `arrived`
    bool opened = false;
    bool loading = false;
    std::uint64_t stream = 0;
    std::size_t owed = 0;    ///< bytes taken and not returned as credit
    std::shared_ptr<const SealedOutput> output;
    std::size_t next = 0;    ///< of the local output's blocks
    std::deque<BlockRef> arrived;  ///< bound: the stream's credit
  };

  void open_streams();
  void fill_local(std::size_t index);
  void loaded(std::size_t source, std::shared_ptr<const Bytes> bytes, const std::exception_ptr& error);
  void fail(std::exception_ptr error);
  void wake(std::unique_lock<std::mutex>& lock);

  const std::uint16_t partition_;
  const std::size_t stream_credit_;
  Transfers& transfers_;
  BlockFiles& files_;
  std::mutex mutex_;
  std::vector<Source> sources_;
  std::size_t first_ = 0;       ///< sources before it are given out
  std::size_t to_open_ = 0;
  std::size_t open_ = 0;
  int cursors_ = 0;
  std::exception_ptr error_;
  std::vector<Waker*> waiting_;
};

class BlockReaderCursor final : public OutputReader::Cursor {
 public:
  explicit BlockReaderCursor(std::shared_ptr<ReaderState> state) : state_(std::move(state)) {}
  Flow next(data::Batch& out, Waker& waker) override;

 private:
  std::shared_ptr<ReaderState> state_;
  BlockRef block_;
  std::optional<data::BlockReader> reader_;
  data::Arena arena_;
};

class PullReader final : public OutputReader {
 public:
  explicit PullReader(std::shared_ptr<ReaderState> state) : state_(std::move(state)) {}
  ~PullReader() override { state_->close(); }
  std::unique_ptr<Cursor> cursor() override {
    state_->cursor_added();
    return std::make_unique<BlockReaderCursor>(state_);
  }
  std::string waits_for() const override { return state_->waits_for(); }

 private:
  std::shared_ptr<ReaderState> state_;
};

}  // namespace tajo::exchange
