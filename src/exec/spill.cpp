#include "spill.hpp"

#include <algorithm>
#include <utility>

#include "tajo/data/crc32c.hpp"

namespace tajo::exec {

namespace {
constexpr std::size_t kBlockBytes = 32 << 10;                        ///< rows of a block are about so many bytes
constexpr std::size_t kTextBytes = 64 << 10;                         ///< or their texts so many
constexpr std::uint64_t kFileBytes = std::uint64_t{256} << 20;       ///< then the next file, in the next directory
std::atomic<std::uint32_t> next_directory{0};                        // of all operators
}  // namespace

RowFormat RowFormat::of(const RowLayout& layout, std::uint32_t row_bytes) {
  RowFormat format;
  format.row_bytes = row_bytes;
  format.add_texts(layout);
  return format;
}

void RowFormat::add_texts(const RowLayout& layout) {
  for (std::size_t c = 0; c < layout.columns(); ++c)
    if (layout.type(c) == data::Physical::kStr) texts.push_back({layout.offset(c), false});
}

void RowFormat::own_texts(std::byte* row, data::Arena& strings) const {
  for (const functions::TextPlace place : texts) {
    const std::string_view text = functions::text_of(row, place);
    if (text.empty()) continue;
    auto* copy = static_cast<char*>(strings.allocate(text.size(), 1));
    std::memcpy(copy, text.data(), text.size());
    functions::move_text(row, place, copy);
  }
}

std::shared_ptr<exchange::SpillFile> SpillFiles::current() {
  const std::lock_guard lock(mutex_);
  if (!file_ || file_->size() >= kFileBytes) {
    const auto n = static_cast<std::uint32_t>(directories_.size());
    file_ = std::make_shared<exchange::SpillFile>(directories_[next_directory.fetch_add(1, std::memory_order_relaxed) % n]);
  }
  return file_;
}

void SpillFiles::give_up(const std::shared_ptr<exchange::SpillFile>& file) {
  const std::lock_guard lock(mutex_);
  if (file_ == file) file_.reset();
}

SpillFiles::Place SpillFiles::append(ByteView bytes) {
  for (std::size_t tries = 1;; ++tries) {
    std::shared_ptr<exchange::SpillFile> file;
    try {
      file = current();
      const std::uint64_t offset = file->append(bytes);
      bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
      return {std::move(file), offset};
    } catch (const Error&) {
      if (tries >= directories_.size()) throw;
      give_up(file);
    }
  }
}

std::byte* load_block(const RowFormat& format, const SpilledRows::Block& block, data::Arena& arena) {
  auto* at = static_cast<std::byte*>(arena.allocate(block.bytes, 64));
  block.place.file->read(block.place.offset, at, block.bytes);
  if (data::crc32c({at, block.bytes}) != block.crc) throw Error(sqlstate::kDataCorrupted, "a block of a spill file is damaged");
  // The places hold only the texts' sizes: texts lie behind the rows, in the order of the places.
  const char* text = reinterpret_cast<const char*>(at) + std::size_t{block.rows} * format.row_bytes;
  if (!format.texts.empty())
    for (std::uint32_t r = 0; r < block.rows; ++r) {
      std::byte* row = at + std::size_t{r} * format.row_bytes;
      for (const functions::TextPlace place : format.texts) {
        const std::size_t size = functions::text_of(row, place).size();
        if (size == 0) continue;
        functions::move_text(row, place, text);
        text += size;
      }
    }
  return at;
}

void SpillWriter::append(const std::byte* row) {
  const std::size_t at = rows_.size();
  if (at == 0) rows_.reserve(std::max<std::size_t>(kBlockBytes, format_.row_bytes));
  rows_.resize(at + format_.row_bytes);
  std::memcpy(rows_.data() + at, row, format_.row_bytes);
  for (const functions::TextPlace place : format_.texts) {
    const auto text = as_bytes(functions::text_of(row, place));
    texts_.insert(texts_.end(), text.begin(), text.end());
  }
  ++count_;
  if (rows_.size() + format_.row_bytes > kBlockBytes || texts_.size() >= kTextBytes) flush();
}

void SpillWriter::flush() {
  if (count_ == 0) return;
  rows_.insert(rows_.end(), texts_.begin(), texts_.end());
  SpilledRows::Block block;
  block.bytes = static_cast<std::uint32_t>(rows_.size());
  block.rows = count_;
  block.crc = data::crc32c(rows_);
  block.place = files_.append(rows_);
  written_.blocks.push_back(std::move(block));
  written_.rows += count_;
  written_.bytes += rows_.size();
  rows_.clear();
  texts_.clear();
  count_ = 0;
}

SpilledRows SpillWriter::take() {
  flush();
  rows_ = {};
  texts_ = {};
  return std::exchange(written_, {});
}

SpillPartitions::SpillPartitions(SpillFiles& files, const RowFormat& format, std::uint32_t partitions) {
  for (std::uint32_t p = 0; p < partitions; ++p) partitions_.push_back(std::make_unique<Partition>(files, format));
}

void SpillPartitions::append(std::uint32_t partition, std::span<const std::byte* const> rows) {
  Partition& p = *partitions_[partition];
  const std::lock_guard lock(p.mutex);
  for (const std::byte* row : rows) p.writer.append(row);
}

void SpillPartitions::append(std::span<const std::uint8_t> partitions, std::span<const std::byte* const> rows) {
  constexpr std::size_t kMost = 256;
  std::array<std::uint32_t, kMost + 1> begin{};
  for (const std::uint8_t p : partitions) ++begin[p + std::size_t{1}];
  for (std::size_t p = 0; p < kMost; ++p) begin[p + 1] += begin[p];
  std::vector<const std::byte*> ordered(rows.size());
  auto next = begin;
  for (std::size_t i = 0; i < rows.size(); ++i) ordered[next[partitions[i]]++] = rows[i];
  for (std::uint32_t p = 0; p < partitions_.size(); ++p)
    if (begin[p + 1] != begin[p]) append(p, std::span(ordered).subspan(begin[p], begin[p + 1] - begin[p]));
}

SpilledRows SpillPartitions::take(std::uint32_t partition) {
  Partition& p = *partitions_[partition];
  const std::lock_guard lock(p.mutex);
  return p.writer.take();
}

}  // namespace tajo::exec
