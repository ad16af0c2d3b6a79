#include "block.hpp"

namespace tajo::exchange {
namespace {

constexpr std::size_t kInlineAlign = 16;
constexpr std::uint32_t kMaxInlineBlocks = 1U << 20;

std::size_t aligned(std::size_t n) { return (n + kInlineAlign - 1) / kInlineAlign * kInlineAlign; }

}  // namespace

StoredBlock::StoredBlock(std::shared_ptr<MemoryGauge> gauge, Bytes&& bytes)
    : gauge_(std::move(gauge)), size_(bytes.size()), data_(std::make_shared<const Bytes>(std::move(bytes))) {
  gauge_->add(size_);
}

StoredBlock::~StoredBlock() {
  if (data_) gauge_->subtract(size_);
}

std::shared_ptr<const Bytes> StoredBlock::in_memory() const {
  const std::lock_guard lock(mutex_);
  return data_;
}

std::shared_ptr<const Bytes> StoredBlock::load() const {
  std::shared_ptr<SpillFile> file;
  {
    const std::lock_guard lock(mutex_);
    if (data_) return data_;
    file = file_;
  }
  auto bytes = std::make_shared<Bytes>(size_);
  file->read(offset_, bytes->data(), size_);
  return bytes;
}

void StoredBlock::spill(const std::shared_ptr<SpillFile>& file) {
  const std::shared_ptr<const Bytes> data = in_memory();
  if (!data) return;
  const std::uint64_t offset = file->append(*data);
  const std::lock_guard lock(mutex_);
  offset_ = offset;
  file_ = file;
  data_.reset();
  gauge_->subtract(size_);
}

Bytes encode_inline(const std::vector<std::vector<std::shared_ptr<const Bytes>>>& partitions) {
  ByteWriter out;
  out.put(static_cast<std::uint32_t>(partitions.size()));
  for (const auto& blocks : partitions) {
    out.put(static_cast<std::uint32_t>(blocks.size()));
    for (const auto& block : blocks) out.put(static_cast<std::uint32_t>(block->size()));
  }
  for (const auto& blocks : partitions) {
    for (const auto& block : blocks) {
      out.buffer().resize(aligned(out.size()));
      out.raw(*block);
    }
  }
  return out.take();
}

std::vector<BlockRef> decode_inline(const std::shared_ptr<const Bytes>& blob, std::uint16_t partition) {
  ByteReader in(*blob);
  const auto partitions = in.get<std::uint32_t>();
  if (partition >= partitions) throw Error(sqlstate::kDataCorrupted, "inline output has too few partitions");
  std::vector<std::uint32_t> sizes;
  std::size_t first = 0;  // of our partition, in `sizes`
  std::size_t count = 0;
  for (std::uint32_t p = 0; p < partitions; ++p) {
    const auto blocks = in.get<std::uint32_t>();
    if (blocks > kMaxInlineBlocks) throw Error(sqlstate::kDataCorrupted, "inline output has too many blocks");
    if (p == partition) {
      first = sizes.size();
      count = blocks;
    }
    for (std::uint32_t b = 0; b < blocks; ++b) sizes.push_back(in.get<std::uint32_t>());
  }
  std::size_t at = blob->size() - in.left();
  std::vector<BlockRef> out;
  for (std::size_t i = 0; i < first + count; ++i) {
    at = aligned(at);
    if (at > blob->size() || sizes[i] > blob->size() - at)
      throw Error(sqlstate::kDataCorrupted, "inline output ends too early");
    if (i >= first) out.push_back({blob, ByteView(*blob).subspan(at, sizes[i])});
    at += sizes[i];
  }
  return out;
}

}  // namespace tajo::exchange
