#include <limits>

#include "block_layout.hpp"
#include "tajo/common/error.hpp"
#include "tajo/data/batch_codec.hpp"
#include "tajo/data/crc32c.hpp"
#include "tajo/data/load.hpp"

namespace tajo::data {

namespace {

constexpr std::size_t kDictionaryTrialRows = 1024;  // after so many rows a text column must have shown repetition
constexpr std::uint32_t kNoCode = 0xFFFFFFFFU;
constexpr std::size_t kMaxTextBytes = std::numeric_limits<std::uint32_t>::max();

std::uint64_t hash_text(std::string_view s) {
  std::uint64_t h = 0x9E3779B97F4A7C15ULL ^ s.size();
  std::size_t i = 0;
  for (; i + 8 <= s.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, s.data() + i, 8);
    h = (h ^ word) * 0xD6E8FEB86659FD93ULL;
    h ^= h >> 32;
  }
  std::uint64_t word = 0;
  if (i < s.size()) std::memcpy(&word, s.data() + i, s.size() - i);
  h = (h ^ word) * 0xD6E8FEB86659FD93ULL;
  return h ^ (h >> 32);
}

/// Distinct texts in order of arrival, by open addressing.
class TextTable {
 public:
  std::uint32_t code_of(std::string_view s) {
    if ((size() + 1) * 2 > slots_.size()) grow();
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash_text(s) & mask;; at = (at + 1) & mask) {
      if (slots_[at] == kNoCode) {
        slots_[at] = static_cast<std::uint32_t>(size());
        bytes_.insert(bytes_.end(), s.begin(), s.end());
        offsets_.push_back(bytes_.size());
        return slots_[at];
      }
      if (text(slots_[at]) == s) return slots_[at];
    }
  }
  std::string_view text(std::uint32_t code) const {
    return {bytes_.data() + offsets_[code], offsets_[code + 1] - offsets_[code]};
  }
  std::size_t size() const { return offsets_.size() - 1; }
  const std::vector<char>& bytes() const { return bytes_; }
  const std::vector<std::size_t>& offsets() const { return offsets_; }
  void clear() {
    slots_.clear();
    offsets_.assign(1, 0);
    bytes_.clear();
  }

 private:
  void grow() {
    const std::size_t slots = slots_.empty() ? 64 : slots_.size() * 2;
    slots_.assign(slots, kNoCode);
    for (std::uint32_t code = 0; code < size(); ++code) {
      std::size_t at = hash_text(text(code)) & (slots - 1);
      while (slots_[at] != kNoCode) at = (at + 1) & (slots - 1);
      slots_[at] = code;
    }
  }
  std::vector<std::uint32_t> slots_;
  std::vector<std::size_t> offsets_ = {0};
  std::vector<char> bytes_;
};

void append_raw(Bytes& out, const void* data, std::size_t n) {
  const auto* from = static_cast<const std::byte*>(data);
  out.insert(out.end(), from, from + n);
}

template <class T>
struct Range {
  T lo;
  T hi;
};

template <class T>
Range<T> range_of(const T* values, std::size_t n) {
  Range<T> range{values[0], values[0]};
  for (std::size_t i = 1; i < n; ++i) {
    range.lo = values[i] < range.lo ? values[i] : range.lo;
    range.hi = values[i] > range.hi ? values[i] : range.hi;
  }
  return range;
}

Stored narrowest(__int128 lo, __int128 hi) {
  const auto within = [&](__int128 least, __int128 most) { return lo >= least && hi <= most; };
  if (within(INT8_MIN, INT8_MAX)) return Stored::kI8;
  if (within(0, UINT8_MAX)) return Stored::kU8;
  if (within(INT16_MIN, INT16_MAX)) return Stored::kI16;
  if (within(0, UINT16_MAX)) return Stored::kU16;
  if (within(INT32_MIN, INT32_MAX)) return Stored::kI32;
  if (within(0, UINT32_MAX)) return Stored::kU32;
  if (within(INT64_MIN, INT64_MAX)) return Stored::kI64;
  return Stored::kI128;
}

template <class To, class From>
void put_narrow(Bytes& out, const From* values, std::size_t n) {
  const std::size_t at = out.size();
  out.resize(at + n * sizeof(To));
  auto* to = reinterpret_cast<To*>(out.data() + at);  // payloads start 16-aligned, bitmaps are whole words
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<To>(values[i]);
}

template <class From>
void put_values(Bytes& out, const From* values, std::size_t n, Stored stored) {
  switch (stored) {
    case Stored::kI8: return put_narrow<std::int8_t>(out, values, n);
    case Stored::kU8: return put_narrow<std::uint8_t>(out, values, n);
    case Stored::kI16: return put_narrow<std::int16_t>(out, values, n);
    case Stored::kU16: return put_narrow<std::uint16_t>(out, values, n);
    case Stored::kI32: return put_narrow<std::int32_t>(out, values, n);
    case Stored::kU32: return put_narrow<std::uint32_t>(out, values, n);
    case Stored::kI64: return put_narrow<std::int64_t>(out, values, n);
    default: return append_raw(out, values, n * sizeof(From));
  }
}

}  // namespace

/// One column while rows arrive: values in their physical width, text as codes while it repeats, else as bytes.
struct BlockBuilder::ColumnBuffer {
  Physical type = Physical::kI32;
  Bytes values;
  std::vector<std::uint64_t> valid;  // empty until the first NULL
  bool dictionary_mode = true;       // text only
  TextTable table;
  std::vector<std::uint32_t> codes;
  std::vector<std::uint32_t> ends;   // plain text: end offset of each row
  std::vector<char> text;
  std::uint64_t mapped_dictionary = 0;       // id whose codes `mapped` translates; 0 none
  std::vector<std::uint32_t> mapped;

  std::size_t bytes() const {
    return values.size() + valid.size() * 8 + codes.size() * 2 + table.bytes().size() + ends.size() * 4 + text.size();
  }

  void add_validity(const std::uint64_t* source, std::uint32_t batch_rows, const Selection& rows, std::uint64_t at,
                    bool constant) {
    bool any_null = false;
    if (source != nullptr) {
      if (constant) any_null = !row_valid(source, 0);
      else if (rows.rows == nullptr && rows.count == batch_rows) {
        for (std::uint32_t w = 0; w < rows.count / 64; ++w) any_null |= source[w] != ~std::uint64_t{0};
        for (std::uint32_t r = rows.count & ~63U; r < rows.count; ++r) any_null |= !row_valid(source, r);
      } else {
        for (std::uint32_t i = 0; i < rows.count; ++i) any_null |= !row_valid(source, rows[i]);
      }
    }
    if (!any_null && valid.empty()) return;
    if (valid.empty()) valid.assign(at / 64 + 1, ~std::uint64_t{0});
    valid.resize((at + rows.count) / 64 + 1, ~std::uint64_t{0});
    if (!any_null) return;
    for (std::uint32_t i = 0; i < rows.count; ++i)
      if (!row_valid(source, constant ? 0 : rows[i])) {
        const std::uint64_t row = at + i;
        valid[row >> 6] &= ~(std::uint64_t{1} << (row & 63));
      }
  }

  template <class From, class To>
  void gather(const From* from, const Selection& rows, bool constant) {
    const std::size_t at = values.size();
    values.resize(at + rows.count * sizeof(To));
    auto* to = reinterpret_cast<To*>(values.data() + at);
    if (constant)
      for (std::uint32_t i = 0; i < rows.count; ++i) to[i] = static_cast<To>(from[0]);
    else if (rows.rows == nullptr)
      for (std::uint32_t i = 0; i < rows.count; ++i) to[i] = static_cast<To>(from[i]);
    else
      for (std::uint32_t i = 0; i < rows.count; ++i) to[i] = static_cast<To>(from[rows.rows[i]]);
  }

  template <class To>
  void gather_stored(const Vector& in, const Selection& rows) {
    switch (in.stored) {
      case Stored::kI8: return gather<std::int8_t, To>(in.as<std::int8_t>(), rows, false);
      case Stored::kU8: return gather<std::uint8_t, To>(in.as<std::uint8_t>(), rows, false);
      case Stored::kI16: return gather<std::int16_t, To>(in.as<std::int16_t>(), rows, false);
      case Stored::kU16: return gather<std::uint16_t, To>(in.as<std::uint16_t>(), rows, false);
      case Stored::kI32: return gather<std::int32_t, To>(in.as<std::int32_t>(), rows, false);
      case Stored::kU32: return gather<std::uint32_t, To>(in.as<std::uint32_t>(), rows, false);
      case Stored::kI64: return gather<std::int64_t, To>(in.as<std::int64_t>(), rows, false);
      case Stored::kF32: return gather<float, To>(in.as<float>(), rows, false);
      case Stored::kF64: return gather<double, To>(in.as<double>(), rows, false);
      case Stored::kI128: return gather<__int128, To>(in.as<__int128>(), rows, false);
    }
  }

  void add_numbers(const Vector& in, const Selection& rows) {
    const bool constant = in.form == Vector::Form::kConstant;
    if (in.form == Vector::Form::kStored) {
      switch (type) {
        case Physical::kBool: return gather_stored<std::uint8_t>(in, rows);
        case Physical::kI32: return gather_stored<std::int32_t>(in, rows);
        case Physical::kI64: return gather_stored<std::int64_t>(in, rows);
        case Physical::kI128: return gather_stored<__int128>(in, rows);
        case Physical::kF32: return gather_stored<float>(in, rows);
        case Physical::kF64: return gather_stored<double>(in, rows);
        case Physical::kStr: TAJO_ASSERT(!"text is not a number");
      }
    }
    switch (type) {
      case Physical::kBool: return gather<std::uint8_t, std::uint8_t>(in.as<std::uint8_t>(), rows, constant);
      case Physical::kI32: return gather<std::int32_t, std::int32_t>(in.as<std::int32_t>(), rows, constant);
      case Physical::kI64: return gather<std::int64_t, std::int64_t>(in.as<std::int64_t>(), rows, constant);
      case Physical::kI128: return gather<__int128, __int128>(in.as<__int128>(), rows, constant);
      case Physical::kF32: return gather<float, float>(in.as<float>(), rows, constant);
      case Physical::kF64: return gather<double, double>(in.as<double>(), rows, constant);
      case Physical::kStr: TAJO_ASSERT(!"text is not a number");
    }
  }

  void add_text(std::string_view s) {
    if (dictionary_mode) {
      codes.push_back(table.code_of(s));
      if (codes.size() == kDictionaryTrialRows || (codes.size() & 0xFFFF) == 0)
        if (table.size() * 2 > codes.size()) leave_dictionary_mode();
      return;
    }
    if (text.size() + s.size() > kMaxTextBytes) throw Error("54000", "text column of one block is larger than 4 GiB");
    text.insert(text.end(), s.begin(), s.end());
    ends.push_back(static_cast<std::uint32_t>(text.size()));
  }

  void leave_dictionary_mode() {
    dictionary_mode = false;
    const std::vector<std::uint32_t> old = std::move(codes);
    codes.clear();
    for (const std::uint32_t code : old) add_text(table.text(code));
    table.clear();
    mapped_dictionary = 0;
  }

  void add_texts(const Vector& in, std::uint32_t batch_rows, const Selection& rows, Arena& scratch) {
    if (in.form == Vector::Form::kFlat || in.form == Vector::Form::kConstant) {
      const auto* strings = in.as<Str>();
      const bool constant = in.form == Vector::Form::kConstant;
      for (std::uint32_t i = 0; i < rows.count; ++i) {
        const std::uint32_t row = constant ? 0 : rows[i];
        add_text(row_valid(in.valid, row) ? strings[row].view() : std::string_view());
      }
      return;
    }
    const std::uint64_t* source_valid = nullptr;
    const std::uint32_t* source = load_codes(in, batch_rows, rows, scratch, source_valid);
    const auto value_of = [&](std::uint32_t row) {
      return row_valid(source_valid, row) ? in.dictionary->values[source[row]].view() : std::string_view();
    };
    std::uint32_t i = 0;
    // A large dictionary is not worth a translation table for a few rows.
    const bool translate = in.dictionary->id != 0 && in.dictionary->values.size() <= 65536;
    if (translate && mapped_dictionary != in.dictionary->id) {
      mapped.assign(in.dictionary->values.size(), kNoCode);
      mapped_dictionary = in.dictionary->id;
    }
    for (; i < rows.count && dictionary_mode && translate; ++i) {
      const std::uint32_t row = rows[i];
      if (!row_valid(source_valid, row)) {
        add_text({});
        continue;
      }
      std::uint32_t& code = mapped[source[row]];
      if (code == kNoCode) {
        const std::uint32_t fresh = table.code_of(in.dictionary->values[source[row]].view());
        code = fresh;
      }
      codes.push_back(code);
    }
    for (; i < rows.count; ++i) add_text(value_of(rows[i]));
  }

  void append(const Vector& in, std::uint32_t batch_rows, const Selection& rows, std::uint64_t at, Arena& scratch) {
    TAJO_ASSERT(in.type == type);
    const bool constant = in.form == Vector::Form::kConstant;
    if (in.form == Vector::Form::kStored && in.has_null_value)
      add_validity(load_valid(in, batch_rows, scratch), batch_rows, rows, at, false);
    else
      add_validity(in.valid, batch_rows, rows, at, constant);
    if (type == Physical::kStr) add_texts(in, batch_rows, rows, scratch);
    else add_numbers(in, rows);
  }

  block::ColumnHeader encode(std::uint64_t rows, Bytes& out) const {
    block::ColumnHeader header{};
    header.physical = type;
    header.stored = Stored::kU8;
    header.offset = out.size();
    header.has_nulls = valid.empty() ? 0 : 1;
    if (!valid.empty()) {
      std::vector<std::uint64_t> bitmap = valid;
      bitmap.resize(block::bitmap_bytes(rows) / 8, ~std::uint64_t{0});
      append_raw(out, bitmap.data(), block::bitmap_bytes(rows));
    }
    if (rows > 0) {
      switch (type) {
        case Physical::kBool: encode_integers<std::uint8_t>(rows, header, out); break;
        case Physical::kI32: encode_integers<std::int32_t>(rows, header, out); break;
        case Physical::kI64: encode_integers<std::int64_t>(rows, header, out); break;
        case Physical::kI128: encode_integers<__int128>(rows, header, out); break;
        case Physical::kF32:
        case Physical::kF64:
          header.stored = type == Physical::kF32 ? Stored::kF32 : Stored::kF64;
          append_raw(out, values.data(), values.size());
          break;
        case Physical::kStr: encode_text(rows, header, out); break;
      }
    }
    header.bytes = out.size() - header.offset;
    return header;
  }

  template <class T>
  void encode_integers(std::uint64_t rows, block::ColumnHeader& header, Bytes& out) const {
    const auto* data = reinterpret_cast<const T*>(values.data());
    const Range<T> range = range_of(data, rows);
    if (range.lo == range.hi) {
      header.encoding = block::Encoding::kConstant;
      header.constant = range.lo;
      return;
    }
    header.encoding = block::Encoding::kValues;
    // Values already in their physical width are handed over as views: narrow only when it saves something.
    header.stored = narrowest(range.lo, range.hi);
    if (stored_width(header.stored) >= sizeof(T)) {
      header.stored = sizeof(T) == 1 ? Stored::kU8 : sizeof(T) == 4 ? Stored::kI32 : sizeof(T) == 8 ? Stored::kI64 : Stored::kI128;
    }
    put_values(out, data, rows, header.stored);
  }

  void encode_text(std::uint64_t rows, block::ColumnHeader& header, Bytes& out) const {
    std::vector<std::uint32_t> offsets;
    if (dictionary_mode && table.size() < rows) {
      header.encoding = block::Encoding::kDictionary;
      header.entries = static_cast<std::uint32_t>(table.size());
      header.stored = table.size() <= 256 ? Stored::kU8 : table.size() <= 65536 ? Stored::kU16 : Stored::kU32;
      put_values(out, codes.data(), rows, header.stored);
      out.resize(block::align_up(out.size(), 4));
      put_offsets(table.offsets(), out);
      append_raw(out, table.bytes().data(), table.bytes().size());
      return;
    }
    header.encoding = block::Encoding::kText;
    if (dictionary_mode) {  // every row its own entry: codes are 0..rows-1 and the table is the column
      put_offsets(table.offsets(), out);
      append_raw(out, table.bytes().data(), table.bytes().size());
      return;
    }
    const std::uint32_t zero = 0;
    append_raw(out, &zero, 4);
    append_raw(out, ends.data(), ends.size() * 4);
    append_raw(out, text.data(), text.size());
  }

  static void put_offsets(const std::vector<std::size_t>& offsets, Bytes& out) {
    if (offsets.back() > kMaxTextBytes) throw Error("54000", "text column of one block is larger than 4 GiB");
    for (const std::size_t offset : offsets) {
      const auto narrow = static_cast<std::uint32_t>(offset);
      append_raw(out, &narrow, 4);
    }
  }

  void clear() {
    values.clear();
    valid.clear();
    dictionary_mode = true;
    table.clear();
    codes.clear();
    ends.clear();
    text.clear();
    mapped_dictionary = 0;
  }
};

BlockBuilder::BlockBuilder(std::vector<Physical> columns) : columns_(columns.size()) {
  TAJO_ASSERT(columns.size() <= block::kMaxColumns);
  for (std::size_t c = 0; c < columns.size(); ++c) columns_[c].type = columns[c];
}

BlockBuilder::~BlockBuilder() = default;
BlockBuilder::BlockBuilder(BlockBuilder&&) noexcept = default;
BlockBuilder& BlockBuilder::operator=(BlockBuilder&&) noexcept = default;

void BlockBuilder::append(const Batch& batch) { append(batch, batch.selection); }

void BlockBuilder::append(const Batch& batch, const Selection& rows) {
  TAJO_ASSERT(batch.columns.size() == columns_.size());
  if (rows.count == 0) return;
  if (rows_ + rows.count > kMaxBlockRows) throw Error("54000", "too many rows in one block");
  Arena scratch;
  for (std::size_t c = 0; c < columns_.size(); ++c)
    columns_[c].append(batch.columns[c], batch.rows, rows, rows_, scratch);
  rows_ += rows.count;
}

std::size_t BlockBuilder::bytes() const {
  std::size_t total = sizeof(block::Header) + columns_.size() * sizeof(block::ColumnHeader) + 4;
  for (const ColumnBuffer& column : columns_) total += column.bytes();
  return total;
}

Bytes BlockBuilder::take() {
  Bytes out;
  out.reserve(bytes());
  const block::Header header{block::kMagic, static_cast<std::uint32_t>(columns_.size()),
                             static_cast<std::uint32_t>(rows_), 0};
  append_raw(out, &header, sizeof header);
  const std::size_t headers_at = out.size();
  out.resize(headers_at + columns_.size() * sizeof(block::ColumnHeader));
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    out.resize(block::align_up(out.size(), block::kAlign));
    const block::ColumnHeader column = columns_[c].encode(rows_, out);
    std::memcpy(out.data() + headers_at + c * sizeof column, &column, sizeof column);
    columns_[c].clear();
  }
  const std::uint32_t crc = crc32c(out);
  append_raw(out, &crc, sizeof crc);
  rows_ = 0;
  return out;
}

}  // namespace tajo::data
