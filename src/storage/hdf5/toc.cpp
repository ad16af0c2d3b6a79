#include "hdf5/toc.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tajo/data/crc32c.hpp"

namespace tajo::storage::hdf5 {
namespace {

constexpr std::uint32_t kTocVersion = 1;
constexpr std::uint64_t kTrailerMagic = 0x314741524F4A4154ULL;  // "TAJORAG1"
constexpr std::uint32_t kMaxColumns = 65536;

void put_extent(ByteWriter& out, const Extent& e) {
  out.put(e.offset);
  out.put(e.bytes);
}

Extent get_extent(ByteReader& in) {
  Extent e;
  e.offset = in.get<std::uint64_t>();
  e.bytes = in.get<std::uint64_t>();
  return e;
}

void put_column(ByteWriter& out, const TocColumn& c) {
  out.text(c.name);
  out.put(static_cast<std::uint8_t>(c.type.id));
  out.put(c.type.precision);
  out.put(c.type.scale);
  out.put(c.type.length);
  out.put(static_cast<std::uint8_t>(c.not_null));
  out.put(static_cast<std::uint8_t>(c.encoding));
  out.put(static_cast<std::uint8_t>(c.stored));
  out.put(static_cast<std::uint8_t>(c.has_null_value));
  out.put(static_cast<std::uint8_t>(c.wide_offsets));
  out.put(c.null_value);
  put_extent(out, c.values);
  put_extent(out, c.valid);
  put_extent(out, c.dictionary_offsets);
  put_extent(out, c.dictionary_bytes);
  out.put(c.words);
  out.put(c.dictionary_crc);
  put_extent(out, c.offsets);
  put_extent(out, c.text);
  data::put_value(out, c.statistics.min);
  data::put_value(out, c.statistics.max);
  out.put(c.statistics.nulls);
  out.put(c.statistics.distinct);
  out.put(static_cast<std::uint8_t>(c.statistics.strictly_increasing));
  out.put(static_cast<std::uint32_t>(c.blocks.size()));
  for (const TocBlock& b : c.blocks) {
    out.put(b.values_crc);
    out.put(b.valid_crc);
    out.put(b.text_crc);
    out.put(static_cast<std::uint8_t>(b.has_values));
    out.put(b.nulls);
    data::put_value(out, b.min);
    data::put_value(out, b.max);
  }
}

template <class E>
E get_enum(ByteReader& in, E last) {
  auto v = in.get<std::uint8_t>();
  if (v > static_cast<std::uint8_t>(last)) throw Error(sqlstate::kDataCorrupted, "unknown code in table of contents");
  return static_cast<E>(v);
}

TocColumn get_column(ByteReader& in, std::uint64_t rows) {
  TocColumn c;
  c.name = in.text();
  c.type.id = get_enum(in, data::TypeId::kInterval);
  c.type.precision = in.get<std::uint8_t>();
  c.type.scale = in.get<std::uint8_t>();
  c.type.length = in.get<std::uint32_t>();
  c.not_null = in.get<std::uint8_t>() != 0;
  c.encoding = get_enum(in, Encoding::kText);
  c.stored = get_enum(in, data::Stored::kI128);
  c.has_null_value = in.get<std::uint8_t>() != 0;
  c.wide_offsets = in.get<std::uint8_t>() != 0;
  c.null_value = in.get<std::int64_t>();
  c.values = get_extent(in);
  c.valid = get_extent(in);
  c.dictionary_offsets = get_extent(in);
  c.dictionary_bytes = get_extent(in);
  c.words = in.get<std::uint32_t>();
  c.dictionary_crc = in.get<std::uint32_t>();
  c.offsets = get_extent(in);
  c.text = get_extent(in);
  c.statistics.min = data::get_value(in);
  c.statistics.max = data::get_value(in);
  c.statistics.nulls = in.get<std::uint64_t>();
  c.statistics.distinct = in.get<std::uint64_t>();
  c.statistics.strictly_increasing = in.get<std::uint8_t>() != 0;
  auto blocks = in.get<std::uint32_t>();
  if (blocks != (rows + data::kBlockRows - 1) / data::kBlockRows)
    throw Error(sqlstate::kDataCorrupted, "number of blocks does not fit the number of rows");
  c.blocks.resize(blocks);
  for (TocBlock& b : c.blocks) {
    b.values_crc = in.get<std::uint32_t>();
    b.valid_crc = in.get<std::uint32_t>();
    b.text_crc = in.get<std::uint32_t>();
    b.has_values = in.get<std::uint8_t>() != 0;
    b.nulls = in.get<std::uint64_t>();
    b.min = data::get_value(in);
    b.max = data::get_value(in);
  }
  return c;
}

}  // namespace

Bytes encode_toc(const Toc& toc) {
  ByteWriter out;
  out.buffer().reserve(4096);
  out.put(kTocVersion);
  out.put(toc.rows);
  out.put(static_cast<std::uint32_t>(toc.columns.size()));
  for (const TocColumn& c : toc.columns) put_column(out, c);
  return out.take();
}

Toc decode_toc(ByteView bytes) {
  ByteReader in(bytes);
  auto version = in.get<std::uint32_t>();
  if (version != kTocVersion)
    throw Error(sqlstate::kDataCorrupted, "version " + std::to_string(version) + " of the table of contents is unknown");
  Toc toc;
  toc.rows = in.get<std::uint64_t>();
  auto columns = in.get<std::uint32_t>();
  if (columns > kMaxColumns || toc.rows > (std::uint64_t{1} << 47))
    throw Error(sqlstate::kDataCorrupted, "impossible number of rows or columns");
  for (std::uint32_t i = 0; i < columns; ++i) toc.columns.push_back(get_column(in, toc.rows));
  return toc;
}

std::uint64_t digest(ByteView bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Bytes encode_trailer(const Trailer& trailer) {
  ByteWriter out;
  out.put(trailer.toc_offset);
  out.put(trailer.toc_bytes);
  out.put(trailer.toc_digest);
  out.put(trailer.file_bytes);
  out.put(kTrailerMagic);
  std::uint32_t crc = data::crc32c(out.buffer());
  out.put(crc);
  out.put(std::uint32_t{0});
  return out.take();
}

bool decode_trailer(ByteView bytes, Trailer& out) {
  if (bytes.size() != kTrailerBytes) return false;
  ByteReader in(bytes);
  out.toc_offset = in.get<std::uint64_t>();
  out.toc_bytes = in.get<std::uint64_t>();
  out.toc_digest = in.get<std::uint64_t>();
  out.file_bytes = in.get<std::uint64_t>();
  auto magic = in.get<std::uint64_t>();
  auto crc = in.get<std::uint32_t>();
  return magic == kTrailerMagic && crc == data::crc32c(bytes.first(40));
}

std::string lower_bound_text(std::string_view text) { return std::string(text.substr(0, kBoundBytes)); }

data::Value upper_bound_text(std::string_view text) {
  if (text.size() <= kBoundBytes) return std::string(text);
  std::string bound(text.substr(0, kBoundBytes));
  while (!bound.empty() && static_cast<unsigned char>(bound.back()) == 0xFF) bound.pop_back();
  if (bound.empty()) return {};
  bound.back() = static_cast<char>(static_cast<unsigned char>(bound.back()) + 1);
  return bound;
}

}  // namespace tajo::storage::hdf5
