#include "hdf5/managed_file.hpp"

#include <algorithm>

#include "io_error.hpp"
#include "tajo/data/crc32c.hpp"

namespace tajo::storage::hdf5 {
namespace {

constexpr std::uint64_t kAlign = 16;
constexpr std::uint64_t kPage = 4096;  // what is broken is known to the page
std::atomic<std::uint64_t> next_dictionary_id{1};

/// The words of a dictionary and the mapping their bytes lie in.
struct WordBytes {
  std::vector<data::Str> words;
  std::shared_ptr<const MappedFile> file;
};

}  // namespace

void ManagedFile::fail(std::uint32_t column, const std::string& what) const {
  throw corrupt(path(), "column \"" + toc_.columns[column].name + "\": " + what);
}

std::shared_ptr<const ManagedFile> ManagedFile::open(const std::string& path, std::uint64_t footer_digest) {
  std::shared_ptr<ManagedFile> f(new ManagedFile);
  f->file_ = MappedFile::open(path);
  ByteView all = f->file_->bytes();
  Trailer trailer;
  if (all.size() < kTrailerBytes || !decode_trailer(all.last(kTrailerBytes), trailer))
    throw corrupt(path, "it ends without a trailer (cut off, or not a table's file)");
  if (trailer.file_bytes != all.size() || trailer.toc_offset > all.size() ||
      trailer.toc_bytes > all.size() - trailer.toc_offset)
    throw corrupt(path, "it has " + std::to_string(all.size()) + " bytes, " + std::to_string(trailer.file_bytes) +
                            " were written");
  ByteView toc = all.subspan(trailer.toc_offset, trailer.toc_bytes);
  f->digest_ = digest(toc);
  if (f->file_->broken_at()) throw corrupt(path, "the table of contents cannot be read");
  if (f->digest_ != trailer.toc_digest) throw corrupt(path, "checksum of the table of contents at byte " +
                                                                std::to_string(trailer.toc_offset));
  if (footer_digest != 0 && footer_digest != f->digest_)
    throw corrupt(path, "it is another file than the one this table was committed with");
  try {
    f->toc_ = decode_toc(toc);
  } catch (const Error& e) {
    throw corrupt(path, e.message());
  }
  f->check_extents();
  for (const TocColumn& c : f->toc_.columns) {
    Region r;
    r.values = f->region(c.values);
    r.valid = reinterpret_cast<const std::uint64_t*>(f->region(c.valid));
    r.offsets = f->region(c.offsets);
    r.text = c.text.bytes == 0 ? "" : reinterpret_cast<const char*>(all.data() + c.text.offset);
    f->regions_.push_back(r);
    f->words_.push_back(std::make_unique<Words>());
  }
  std::size_t blocks = f->toc_.columns.empty() ? 0 : f->toc_.columns[0].blocks.size();
  f->checked_ = std::vector<std::atomic<std::uint8_t>>(f->toc_.columns.size() * blocks);
  return f;
}

void ManagedFile::check_extents() const {
  std::uint64_t rows = toc_.rows;
  auto fits = [this](const Extent& e, std::uint64_t bytes) {
    std::uint64_t size = file_->bytes().size();
    return e.bytes == bytes && (bytes == 0 || (e.offset <= size && bytes <= size - e.offset));
  };
  for (std::uint32_t i = 0; i < toc_.columns.size(); ++i) {
    const TocColumn& c = toc_.columns[i];
    bool text = c.encoding == Encoding::kText;
    bool words = c.encoding == Encoding::kDictionary;
    bool coded = c.stored == data::Stored::kU8 || c.stored == data::Stored::kU16 || c.stored == data::Stored::kU32;
    bool right = fits(c.values, text ? 0 : rows * data::stored_width(c.stored)) &&
                 fits(c.valid, c.valid.bytes == 0 ? 0 : (rows + 63) / 64 * 8) &&
                 fits(c.offsets, text ? (rows + 1) * (c.wide_offsets ? 8 : 4) : 0) &&
                 fits(c.text, c.text.bytes) && fits(c.dictionary_bytes, c.dictionary_bytes.bytes) &&
                 fits(c.dictionary_offsets, words ? (std::uint64_t{c.words} + 1) * 4 : 0) && (!words || coded) &&
                 ((text || words) == (data::physical_of(c.type) == data::Physical::kStr)) &&
                 c.blocks.size() == toc_.columns[0].blocks.size();
    if (!right) fail(i, "its place in the file is impossible");
  }
}

const std::byte* ManagedFile::region(const Extent& e) {
  if (e.bytes == 0) return nullptr;
  const std::byte* at = file_->bytes().data() + e.offset;
  if (e.offset % kAlign == 0) return at;
  copies_.push_back(std::make_unique<std::uint64_t[]>((e.bytes + 15) / 16 * 2));
  std::memcpy(copies_.back().get(), at, e.bytes);
  return reinterpret_cast<const std::byte*>(copies_.back().get());
}

std::uint64_t ManagedFile::text_offset(std::uint32_t column, std::uint64_t row) const {
  const std::byte* offsets = regions_[column].offsets;
  if (toc_.columns[column].wide_offsets) return reinterpret_cast<const std::uint64_t*>(offsets)[row];
  return reinterpret_cast<const std::uint32_t*>(offsets)[row];
}

std::uint64_t ManagedFile::block_bytes(std::uint32_t column, std::uint32_t block) const {
  const TocColumn& c = toc_.columns[column];
  std::uint64_t first = std::uint64_t{block} * data::kBlockRows;
  std::uint64_t rows = std::min<std::uint64_t>(data::kBlockRows, toc_.rows - first);
  std::uint64_t bytes = c.valid.bytes > 0 ? (rows + 63) / 64 * 8 : 0;
  if (c.encoding != Encoding::kText) return bytes + rows * data::stored_width(c.stored);
  return bytes + rows * (c.wide_offsets ? 8 : 4) + text_offset(column, first + rows) - text_offset(column, first);
}

void ManagedFile::touch(std::uint32_t column, std::uint32_t block) const {
  const TocColumn& c = toc_.columns[column];
  std::atomic<std::uint8_t>& checked = checked_[column * c.blocks.size() + block];
  if (checked.load(std::memory_order_acquire) != 0) return;
  const TocBlock& b = c.blocks[block];
  const Region& r = regions_[column];
  std::uint64_t first = std::uint64_t{block} * data::kBlockRows;
  std::uint64_t rows = std::min<std::uint64_t>(data::kBlockRows, toc_.rows - first);
  std::string place = "block " + std::to_string(block) + " (rows " + std::to_string(first) + " to " +
                      std::to_string(first + rows - 1) + ")";
  auto right = [](const std::byte* at, std::uint64_t bytes, std::uint32_t crc) {
    return data::crc32c(ByteView(at, bytes)) == crc;
  };
  bool ok = true;
  if (c.encoding == Encoding::kText) {
    std::size_t width = c.wide_offsets ? 8 : 4;
    ok = right(r.offsets + first * width, (rows + 1) * width, b.values_crc);
    if (ok) {
      std::uint64_t begin = text_offset(column, first);
      std::uint64_t end = text_offset(column, first + rows);
      for (std::uint64_t i = first; i < first + rows && ok; ++i) ok = text_offset(column, i) <= text_offset(column, i + 1);
      ok = ok && end <= c.text.bytes &&
           right(reinterpret_cast<const std::byte*>(r.text) + begin, end - begin, b.text_crc);
    }
  } else {
    std::size_t width = data::stored_width(c.stored);
    ok = right(r.values + first * width, rows * width, b.values_crc);
  }
  if (ok && c.valid.bytes > 0)
    ok = right(reinterpret_cast<const std::byte*>(r.valid) + first / 8, (rows + 63) / 64 * 8, b.valid_crc);
  check_intact();
  if (!ok) fail(column, "checksum of " + place);
  checked.store(1, std::memory_order_release);
}

void ManagedFile::check_intact() const {
  auto broken = file_->broken_at();
  if (!broken) return;
  std::string place = "cannot be read from byte " + std::to_string(*broken) + " on";
  for (const TocColumn& c : toc_.columns)
    for (const Extent* e : {&c.values, &c.valid, &c.offsets, &c.text, &c.dictionary_offsets, &c.dictionary_bytes})
      if (e->bytes > 0 && *broken < e->offset + e->bytes && *broken + kPage > e->offset)
        throw corrupt(path(), "column \"" + c.name + "\" " + place + " (cut off, or the disk fails)");
  throw corrupt(path(), "it " + place + " (cut off, or the disk fails)");
}

const data::Dictionary* ManagedFile::dictionary(std::uint32_t column) const {
  Words& words = *words_[column];
  std::call_once(words.once, [&] { load_dictionary(column, words.dictionary); });
  return &words.dictionary;
}

void ManagedFile::load_dictionary(std::uint32_t column, data::Dictionary& out) const {
  const TocColumn& c = toc_.columns[column];
  ByteView all = file_->bytes();
  ByteView offset_bytes = all.subspan(c.dictionary_offsets.offset, c.dictionary_offsets.bytes);
  ByteView bytes = all.subspan(c.dictionary_bytes.bytes == 0 ? 0 : c.dictionary_bytes.offset, c.dictionary_bytes.bytes);
  bool right = data::crc32c(bytes, data::crc32c(offset_bytes)) == c.dictionary_crc;
  check_intact();
  if (!right) fail(column, "checksum of the dictionary");
  std::vector<std::uint32_t> offsets(c.words + std::size_t{1});
  std::memcpy(offsets.data(), offset_bytes.data(), offset_bytes.size());
  if (!std::is_sorted(offsets.begin(), offsets.end()) || offsets.back() > bytes.size()) fail(column, "its dictionary");
  auto owner = std::make_shared<WordBytes>();
  owner->file = file_;
  owner->words.reserve(c.words + std::size_t{1});
  const char* text = reinterpret_cast<const char*>(bytes.data());
  for (std::uint32_t i = 0; i < c.words; ++i)
    owner->words.emplace_back(std::string_view(text + offsets[i], offsets[i + 1] - offsets[i]));
  // The spare code of NULL is in range for whoever looks a code up before the NULL; the greatest word once more keeps
  // the order.
  if (c.has_null_value) owner->words.push_back(owner->words.empty() ? data::Str() : owner->words.back());
  out.id = next_dictionary_id.fetch_add(1);
  out.values = owner->words;
  out.sorted = true;
  out.owner = std::move(owner);
}

}  // namespace tajo::storage::hdf5
