#include <algorithm>
#include <cmath>

#include "column_sink.hpp"
#include "hdf5/external_table.hpp"
#include "hdf5/heap_texts.hpp"
#include "io_error.hpp"
#include "source.hpp"

namespace tajo::storage {
namespace {

using data::Physical;
using data::TypeId;
using hdf5::check;
using hdf5::checked;
using hdf5::ExternalColumn;
using hdf5::Id;
using hdf5::LibraryLock;
using Int128 = __int128;

std::size_t integer_width(TypeId id) {
  switch (id) {
    case TypeId::kInt1: return 1;
    case TypeId::kInt2: return 2;
    case TypeId::kInt4: return 4;
    default: return 8;
  }
}

/// The library clamps what does not fit, so only types that hold every value of the file are allowed.
bool readable_as(const ExternalColumn& c, const data::Type& type) {
  if (c.type == type) return true;
  std::size_t needs = c.size + (c.is_unsigned ? 1 : 0);
  switch (c.kind) {
    case ExternalColumn::Kind::kInteger:
      if (type.is_integer()) return needs <= integer_width(type.id);
      if (type.is_float()) return true;
      if (type.id == TypeId::kDecimal) return true;  // each value is checked
      if (type.id == TypeId::kDate) return needs <= 4;
      return type.id == TypeId::kTimestamp || type.id == TypeId::kTimestampTz || type.id == TypeId::kTime;
    case ExternalColumn::Kind::kUnsigned64: return type.id == TypeId::kDecimal || type.is_float();
    case ExternalColumn::Kind::kFloat: return type.id == TypeId::kFloat8;
    case ExternalColumn::Kind::kFixedText:
    case ExternalColumn::Kind::kVariableText: return type.is_text() || type.id == TypeId::kBlob;
    case ExternalColumn::Kind::kEnum: return type.is_text();
    case ExternalColumn::Kind::kBoolEnum: return type.id == TypeId::kBool || type.is_text();
  }
  return false;
}

/// One column of an open file, read a storage block at a time; all calls under the library's lock.
class ColumnSource {
 public:
  ColumnSource(hid_t file, const std::string& path, const ExternalColumn& column, const data::Type& type)
      : column_(column), type_(type), place_("file \"" + path + "\", dataset \"" + column.dataset + "\"") {
    dataset_ = checked(H5Dopen2(file, column.dataset.c_str(), H5P_DEFAULT), H5Dclose, place_);
    if (column.kind == ExternalColumn::Kind::kVariableText && column.field.empty())
      heap_ = hdf5::HeapTexts::open(file, dataset_, path, column.rows);
  }

  data::Vector read(std::uint64_t first, std::uint32_t rows, data::Arena& arena) {
    data::Vector v;
    v.form = data::Vector::Form::kFlat;
    v.type = data::physical_of(type_);
    switch (column_.kind) {
      case ExternalColumn::Kind::kInteger:
      case ExternalColumn::Kind::kUnsigned64:
      case ExternalColumn::Kind::kFloat: numbers(first, rows, arena, v); break;
      case ExternalColumn::Kind::kFixedText: fixed_texts(first, rows, arena, v); break;
      case ExternalColumn::Kind::kVariableText: variable_texts(first, rows, arena, v); break;
      case ExternalColumn::Kind::kEnum:
      case ExternalColumn::Kind::kBoolEnum: enums(first, rows, arena, v); break;
    }
    return v;
  }
  std::uint64_t bytes(std::uint32_t rows) const { return rows * column_.size; }

 private:
  void read_raw(std::uint64_t first, std::uint32_t rows, hid_t memory_type, void* out) {
    hsize_t start = first;
    hsize_t count = rows;
    Id file_space = checked(H5Dget_space(dataset_), H5Sclose, place_);
    check(H5Sselect_hyperslab(file_space, H5S_SELECT_SET, &start, nullptr, &count, nullptr), place_);
    Id memory_space = checked(H5Screate_simple(1, &count, nullptr), H5Sclose, place_);
    if (column_.field.empty()) {
      check(H5Dread(dataset_, memory_type, memory_space, file_space, H5P_DEFAULT, out), place_);
      return;
    }
    Id compound = checked(H5Tcreate(H5T_COMPOUND, H5Tget_size(memory_type)), H5Tclose, place_);
    check(H5Tinsert(compound, column_.field.c_str(), 0, memory_type), place_);
    check(H5Dread(dataset_, compound, memory_space, file_space, H5P_DEFAULT, out), place_);
  }

  Id own_type() {
    Id type = checked(H5Dget_type(dataset_), H5Tclose, place_);
    if (column_.field.empty()) return type;
    int index = H5Tget_member_index(type, column_.field.c_str());
    return checked(H5Tget_member_type(type, static_cast<unsigned>(index)), H5Tclose, place_);
  }

  static void clear_bit(std::uint64_t* valid, std::uint32_t row) { valid[row >> 6] &= ~(std::uint64_t{1} << (row & 63)); }

  template <class T>
  void mark_fill(const T* values, T fill, std::uint32_t rows, data::Arena& arena, data::Vector& v) {
    if (std::find_if(values, values + rows, [&](T x) { return x == fill; }) == values + rows) return;
    auto* valid = arena.array<std::uint64_t>((rows + 63) / 64);
    std::memset(valid, 0xFF, (rows + 63) / 64 * 8);
    for (std::uint32_t i = 0; i < rows; ++i)
      if (values[i] == fill) clear_bit(valid, i);
    v.valid = valid;
  }

  template <class T>
  T* plain(std::uint64_t first, std::uint32_t rows, hid_t memory_type, T fill, data::Arena& arena, data::Vector& v) {
    T* out = arena.array<T>(rows);
    read_raw(first, rows, memory_type, out);
    if (column_.has_fill) mark_fill(out, fill, rows, arena, v);
    v.data = out;
    return out;
  }

  void numbers(std::uint64_t first, std::uint32_t rows, data::Arena& arena, data::Vector& v) {
    std::int64_t fill = column_.fill_integer;
    switch (v.type) {
      case Physical::kBool: {
        auto* out = plain<std::uint8_t>(first, rows, H5T_NATIVE_UINT8, static_cast<std::uint8_t>(fill), arena, v);
        if (column_.has_fill && fill < 0) {  // the spare value is signed: read as such
          auto* raw = arena.array<std::int8_t>(rows);
          read_raw(first, rows, H5T_NATIVE_INT8, raw);
          v.valid = nullptr;
          mark_fill(raw, static_cast<std::int8_t>(fill), rows, arena, v);
        }
        for (std::uint32_t i = 0; i < rows; ++i) out[i] = out[i] == 1 ? 1 : 0;
        return;
      }
      case Physical::kI32:
        plain<std::int32_t>(first, rows, H5T_NATIVE_INT32, static_cast<std::int32_t>(fill), arena, v);
        return;
      case Physical::kF32:
        if (column_.kind == ExternalColumn::Kind::kFloat) {
          plain<float>(first, rows, H5T_NATIVE_FLOAT, static_cast<float>(column_.fill_float), arena, v);
        } else {
          plain<float>(first, rows, H5T_NATIVE_FLOAT, static_cast<float>(fill), arena, v);
        }
        return;
      case Physical::kF64:
        plain<double>(first, rows, H5T_NATIVE_DOUBLE,
                      column_.kind == ExternalColumn::Kind::kFloat ? column_.fill_float : static_cast<double>(fill), arena, v);
        return;
      case Physical::kI64:
        if (column_.kind == ExternalColumn::Kind::kInteger) {
          auto* out = plain<std::int64_t>(first, rows, H5T_NATIVE_INT64, fill, arena, v);
          if (type_.id == TypeId::kDecimal) scale(out, rows, v);
          return;
        }
        decimals<std::int64_t>(first, rows, arena, v);
        return;
      case Physical::kI128: decimals<Int128>(first, rows, arena, v); return;
      case Physical::kStr: break;
    }
    TAJO_ASSERT(!"readable_as() admits no other type");
  }

  /// Whether the integers in the file are already scaled: our own files say so by their type.
  int missing_scale() const { return column_.type == type_ ? 0 : type_.scale; }

  template <class T>
  void scale(T* values, std::uint32_t rows, const data::Vector& v) {
    Int128 factor = 1;
    Int128 limit = 1;
    for (int i = 0; i < missing_scale(); ++i) factor *= 10;
    for (int i = 0; i < type_.precision; ++i) limit *= 10;
    for (std::uint32_t i = 0; i < rows; ++i) {
      if (!data::row_valid(v.valid, i)) continue;
      Int128 x = static_cast<Int128>(values[i]) * factor;
      if (x >= limit || x <= -limit)
        throw Error(sqlstate::kNumericOutOfRange, "value out of range for type " + data::type_name(type_) + " (" + place_ + ")");
      values[i] = static_cast<T>(x);
    }
  }

  template <class T>
  void decimals(std::uint64_t first, std::uint32_t rows, data::Arena& arena, data::Vector& v) {
    T* out = arena.array<T>(rows);
    if (column_.kind == ExternalColumn::Kind::kUnsigned64) {
      auto* raw = arena.array<std::uint64_t>(rows);
      read_raw(first, rows, H5T_NATIVE_UINT64, raw);
      auto* wide = arena.array<Int128>(rows);
      std::copy(raw, raw + rows, wide);
      scale(wide, rows, v);
      std::transform(wide, wide + rows, out, [](Int128 x) { return static_cast<T>(x); });
    } else {
      auto* raw = arena.array<std::int64_t>(rows);
      read_raw(first, rows, H5T_NATIVE_INT64, raw);
      if (column_.has_fill) mark_fill(raw, column_.fill_integer, rows, arena, v);
      std::copy(raw, raw + rows, out);
      scale(out, rows, v);
    }
    v.data = out;
  }

  data::Str text(std::string_view s, data::Arena& arena) {
    if (type_.id != TypeId::kBlob) {
      try {
        check_utf8(s);
      } catch (const Error& e) {
        throw Error(e.sqlstate(), e.message() + " (" + place_ + ")");
      }
    }
    return arena.copy(s);
  }

  void fixed_texts(std::uint64_t first, std::uint32_t rows, data::Arena& arena, data::Vector& v) {
    Id type = own_type();
    H5T_str_t padding = H5Tget_strpad(type);
    std::size_t size = H5Tget_size(type);
    auto* raw = static_cast<char*>(arena.allocate(rows * size));
    read_raw(first, rows, type, raw);
    auto* out = arena.array<data::Str>(rows);
    for (std::uint32_t i = 0; i < rows; ++i) {
      const char* s = raw + i * size;
      std::size_t n = padding == H5T_STR_NULLTERM ? strnlen(s, size) : size;
      char pad = padding == H5T_STR_SPACEPAD ? ' ' : '\0';
      while (n > 0 && s[n - 1] == pad) --n;
      new (&out[i]) data::Str(text({s, n}, arena));
    }
    v.data = out;
  }

  void variable_texts(std::uint64_t first, std::uint32_t rows, data::Arena& arena, data::Vector& v) {
    if (heap_) {
      auto* out = arena.array<data::Str>(rows);
      heap_->for_each(first, rows, [&](std::uint32_t i, std::string_view s) { new (&out[i]) data::Str(text(s, arena)); });
      v.data = out;
      return;
    }
    Id type = own_type();
    std::vector<char*> raw(rows, nullptr);
    read_raw(first, rows, type, raw.data());
    struct Reclaim {
      std::vector<char*>& texts;
      ~Reclaim() {
        for (char* t : texts) H5free_memory(t);
      }
    } reclaim{raw};
    auto* out = arena.array<data::Str>(rows);
    for (std::uint32_t i = 0; i < rows; ++i)
      new (&out[i]) data::Str(raw[i] == nullptr ? data::Str() : text(raw[i], arena));
    v.data = out;
  }

  void enums(std::uint64_t first, std::uint32_t rows, data::Arena& arena, data::Vector& v) {
    // Read as they lie and widened: the library refuses to turn an enum into an integer.
    Id type = own_type();
    Id base = checked(H5Tget_super(type), H5Tclose, place_);
    auto* codes = arena.array<std::int64_t>(rows);
    read_raw(first, rows, type, codes);
    check(H5Tconvert(base, H5T_NATIVE_INT64, rows, codes, nullptr, H5P_DEFAULT), place_);
    if (v.type == Physical::kBool) {
      auto* out = arena.array<std::uint8_t>(rows);
      for (std::uint32_t i = 0; i < rows; ++i) out[i] = codes[i] != 0 ? 1 : 0;
      v.data = out;
      return;
    }
    auto* out = arena.array<data::Str>(rows);
    auto* valid = arena.array<std::uint64_t>((rows + 63) / 64);
    std::memset(valid, 0xFF, (rows + 63) / 64 * 8);
    for (std::uint32_t i = 0; i < rows; ++i) {
      new (&out[i]) data::Str();
      auto name = column_.names.find(codes[i]);
      if (name == column_.names.end()) {
        clear_bit(valid, i);
        v.valid = valid;
      } else {
        out[i] = text(name->second, arena);
      }
    }
    v.data = out;
  }

  ExternalColumn column_;
  data::Type type_;
  std::string place_;
  Id dataset_;
  std::unique_ptr<hdf5::HeapTexts> heap_;
};

class ExternalReader : public SplitReader {
 public:
  ExternalReader(std::shared_ptr<const ScanRequest> request, const data::Split& split)
      : request_(std::move(request)), fragment_(split.fragment) {
    const std::string& path = request_->fragments[fragment_].path;
    LibraryLock lock;
    file_ = hdf5::open_external(path);
    hdf5::ExternalTable table = describe_external(file_, path, request_->source);
    for (std::uint32_t c : request_->columns) {
      const data::Column& wanted = request_->source.schema.columns[c];
      const ExternalColumn* found = table.find(wanted.name);
      if (found == nullptr)
        throw Error(sqlstate::kUndefinedColumn, "file \"" + path + "\" has no column \"" + wanted.name + "\" of " +
                                                    std::to_string(table.rows) + " rows");
      if (!readable_as(*found, wanted.type))
        throw Error("42804", "file \"" + path + "\": dataset \"" + found->dataset + "\" holds " +
                                 data::type_name(found->type) + ", which cannot be read as " + data::type_name(wanted.type));
      sources_.push_back(std::make_unique<ColumnSource>(file_, path, *found, wanted.type));
    }
    row_ = std::min(table.rows, std::uint64_t{split.first_block} * data::kBlockRows);
    end_ = std::min(table.rows, row_ + std::uint64_t{split.blocks} * data::kBlockRows);
  }

  ~ExternalReader() override {
    LibraryLock lock;
    sources_.clear();
    file_ = Id();
  }

  bool next(data::Batch& out) override {
    if (at_ >= block_rows_ && !read_block()) return false;
    std::uint32_t rows = std::min(data::kVectorRows, block_rows_ - at_);
    batch_arena_.reset();
    out.arena = &batch_arena_;
    out.rows = rows;
    out.selection = {nullptr, rows};
    out.first_row_id = std::uint64_t{fragment_} << 40 | (row_ - block_rows_ + at_);
    out.columns = block_;
    for (data::Vector& v : out.columns) {
      v.data = static_cast<const std::byte*>(v.data) + at_ * data::physical_width(v.type);
      if (v.valid != nullptr) v.valid += at_ / 64;
    }
    at_ += rows;
    return true;
  }

  std::uint64_t bytes_read() const override { return bytes_; }

 private:
  bool read_block() {
    if (row_ >= end_) return false;
    block_rows_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(data::kBlockRows, end_ - row_));
    block_arena_.reset();
    block_.clear();
    LibraryLock lock;
    for (auto& s : sources_) {
      block_.push_back(s->read(row_, block_rows_, block_arena_));
      bytes_ += s->bytes(block_rows_);
    }
    row_ += block_rows_;
    at_ = 0;
    return true;
  }

  std::shared_ptr<const ScanRequest> request_;
  std::uint32_t fragment_;
  Id file_;
  std::vector<std::unique_ptr<ColumnSource>> sources_;
  data::Arena block_arena_;
  data::Arena batch_arena_;
  std::vector<data::Vector> block_;
  std::uint64_t row_ = 0;
  std::uint64_t end_ = 0;
  std::uint32_t block_rows_ = 0;
  std::uint32_t at_ = 0;
  std::uint64_t bytes_ = 0;
};

class Hdf5Format : public ExternalFormat {
 public:
  std::vector<data::Split> splits(const ScanRequest& request, std::uint32_t index, std::uint64_t target_rows) override {
    const data::FragmentInfo& info = request.fragments[index];
    std::uint64_t rows = info.rows;
    if (info.unknown_rows) count_rows(request.source, info.path, rows);
    auto blocks = static_cast<std::uint32_t>((rows + data::kBlockRows - 1) / data::kBlockRows);
    auto per_split = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(target_rows / data::kBlockRows, 1, std::max<std::uint32_t>(blocks, 1)));
    std::vector<data::Split> out;
    for (std::uint32_t first = 0; first < blocks; first += per_split) {
      std::uint32_t n = std::min(per_split, blocks - first);
      std::uint64_t begin = std::uint64_t{first} * data::kBlockRows;
      out.push_back({index, first, n, std::min(rows - begin, std::uint64_t{n} * data::kBlockRows)});
    }
    return out;
  }

  std::unique_ptr<SplitReader> open(const std::shared_ptr<const ScanRequest>& request, const data::Split& split) override {
    return std::make_unique<ExternalReader>(request, split);
  }

  data::Schema infer(const data::TableSource& source, const std::string& path) override {
    LibraryLock lock;
    Id file = hdf5::open_external(path);
    data::Schema schema;
    for (const ExternalColumn& c : describe_external(file, path, source).columns) {
      std::string name = c.name;
      if (schema.find(name) >= 0) name = c.field.empty() ? c.dataset : c.field;
      schema.columns.push_back({name, c.type, false});
    }
    return schema;
  }

  bool count_rows(const data::TableSource& source, const std::string& path, std::uint64_t& rows) override {
    LibraryLock lock;
    Id file = hdf5::open_external(path);
    rows = describe_external(file, path, source).rows;
    return true;
  }

  std::vector<std::string> suffixes() const override { return {".h5", ".hdf5", ".he5", ".nc", ".nc4"}; }
};

}  // namespace

std::unique_ptr<ExternalFormat> make_hdf5_format() { return std::make_unique<Hdf5Format>(); }

}  // namespace tajo::storage
