#include "hdf5/encoders.hpp"

#include "hdf5/number_encoder.hpp"

namespace tajo::storage::hdf5 {
namespace {

using Int128 = __int128;

template <class T>
struct Range {
  data::Stored stored;
  T lo;
  T hi;
};

template <class S, class T>
constexpr Range<T> range_of(data::Stored stored) {
  return {stored, static_cast<T>(std::numeric_limits<S>::min()), static_cast<T>(std::numeric_limits<S>::max())};
}

/// Widths in the order they are tried.
template <class T>
constexpr Range<T> kRanges[] = {
    range_of<std::int8_t, T>(data::Stored::kI8),   range_of<std::uint8_t, T>(data::Stored::kU8),
    range_of<std::int16_t, T>(data::Stored::kI16), range_of<std::uint16_t, T>(data::Stored::kU16),
    range_of<std::int32_t, T>(data::Stored::kI32), range_of<std::uint32_t, T>(data::Stored::kU32),
    range_of<std::int64_t, T>(data::Stored::kI64),
};

template <class S, class T>
void narrow(const T* in, std::uint32_t n, Bytes& out) {
  out.resize(n * sizeof(S));
  auto* to = reinterpret_cast<S*>(out.data());
  for (std::uint32_t i = 0; i < n; ++i) to[i] = static_cast<S>(in[i]);
}

/// From a block's own width to the fragment's.
template <class D, class S>
void widen(const Bytes& in, std::uint32_t n, std::byte* out) {
  const auto* from = reinterpret_cast<const S*>(in.data());
  auto* to = reinterpret_cast<D*>(out);
  for (std::uint32_t i = 0; i < n; ++i) to[i] = static_cast<D>(from[i]);
}

template <class D>
void expand(const Bytes& in, std::uint8_t width, std::uint32_t n, const std::vector<std::uint64_t>& valid,
            bool has_null_value, std::int64_t null_value, std::byte* out) {
  switch (width) {
    case 1: widen<D, std::int8_t>(in, n, out); break;
    case 2: widen<D, std::int16_t>(in, n, out); break;
    case 4: widen<D, std::int32_t>(in, n, out); break;
    case 8: widen<D, std::int64_t>(in, n, out); break;
    default: widen<D, Int128>(in, n, out); break;
  }
  if (!has_null_value || valid.empty()) return;
  auto* to = reinterpret_cast<D*>(out);
  for (std::uint32_t i = 0; i < n; ++i)
    if (!data::row_valid(valid.data(), i)) to[i] = static_cast<D>(null_value);
}

std::uint64_t hash_integer(std::int64_t v) { return Sketch::hash(v); }
std::uint64_t hash_integer(Int128 v) {
  auto low = static_cast<std::int64_t>(v);
  if (low == v) return Sketch::hash(low);
  return Sketch::hash(low) ^ Sketch::hash(static_cast<std::int64_t>(v >> 64) + 1);
}

/// T: int64_t for all columns whose values fit it, __int128 for wide decimals and intervals.
template <class T>
class IntegerEncoder final : public FixedEncoder<T> {
 public:
  explicit IntegerEncoder(const data::Type& type) : type_(type), interval_(type.id == data::TypeId::kInterval) {}

  void end_block() override {
    std::uint32_t n = this->count_;
    if (n == 0) return;
    auto b = this->begin_block();
    const T* values = this->values_.data();
    b.has_values = b.nulls < n;
    measure(b);
    if (interval_ || b.min < std::numeric_limits<std::int64_t>::min() || b.max > std::numeric_limits<std::int64_t>::max()) {
      b.width = 16;
      narrow<Int128>(values, n, b.data);
    } else if (b.min >= INT8_MIN && b.max <= INT8_MAX) {
      b.width = 1;
      narrow<std::int8_t>(values, n, b.data);
    } else if (b.min >= INT16_MIN && b.max <= INT16_MAX) {
      b.width = 2;
      narrow<std::int16_t>(values, n, b.data);
    } else if (b.min >= INT32_MIN && b.max <= INT32_MAX) {
      b.width = 4;
      narrow<std::int32_t>(values, n, b.data);
    } else {
      b.width = 8;
      narrow<std::int64_t>(values, n, b.data);
    }
    this->keep(std::move(b));
  }

  void write(TocColumn& c, FileSink& out) override {
    std::size_t width = data::stored_width(c.stored);
    // Sixteen bytes a row whatever the width: aligned for all of them.
    std::vector<Int128> buffer(data::kBlockRows * width / sizeof(Int128) + 1);
    auto* bytes = reinterpret_cast<std::byte*>(buffer.data());
    for (std::size_t i = 0; i < this->blocks_.size(); ++i) {
      const auto& b = this->blocks_[i];
      switch (c.stored) {
        case data::Stored::kI8: put<std::int8_t>(b, c, bytes); break;
        case data::Stored::kU8: put<std::uint8_t>(b, c, bytes); break;
        case data::Stored::kI16: put<std::int16_t>(b, c, bytes); break;
        case data::Stored::kU16: put<std::uint16_t>(b, c, bytes); break;
        case data::Stored::kI32: put<std::int32_t>(b, c, bytes); break;
        case data::Stored::kU32: put<std::uint32_t>(b, c, bytes); break;
        case data::Stored::kI64: put<std::int64_t>(b, c, bytes); break;
        default: put<Int128>(b, c, bytes); break;
      }
      ByteView view(bytes, b.rows * width);
      c.blocks[i].values_crc = data::crc32c(view);
      out.write(c.values.offset + i * data::kBlockRows * width, view);
      this->write_validity(b, i, c, out);
    }
  }

 private:
  using Block = typename FixedEncoder<T>::Block;

  data::Value value(T v) const override { return data::Value(v); }
  bool ordered_as_stored() const override { return !interval_; }

  template <class D>
  static void put(const Block& b, const TocColumn& c, std::byte* out) {
    expand<D>(b.data, b.width, b.rows, b.valid, c.has_null_value, c.null_value, out);
  }

  /// Intervals are packed, their order is not that of the integers.
  bool less(T a, T b) const override {
    if (!interval_) return a < b;
    return data::compare_values(value(a), value(b), type_) < 0;
  }

  void measure(Block& b) {
    const T* values = this->values_.data();
    std::uint32_t n = b.rows;
    if (b.nulls == 0 && !interval_) {
      T lo = values[0];
      T hi = values[0];
      for (std::uint32_t i = 1; i < n; ++i) {
        lo = values[i] < lo ? values[i] : lo;
        hi = values[i] > hi ? values[i] : hi;
      }
      b.min = lo;
      b.max = hi;
    } else {
      bool any = false;
      for (std::uint32_t i = 0; i < n; ++i) {
        if (!this->valid_.valid(i)) continue;
        if (!any || less(values[i], b.min)) b.min = values[i];
        if (!any || less(b.max, values[i])) b.max = values[i];
        any = true;
      }
    }
    if (this->increasing_) {
      std::uint32_t falls = this->rows_ > 0 && !(this->last_ < values[0]) ? 1 : 0;
      for (std::uint32_t i = 1; i < n && falls == 0; ++i) falls = values[i - 1] < values[i] ? 0 : 1;
      this->increasing_ = falls == 0;
      this->last_ = values[n - 1];
    }
    if (b.nulls == 0) {
      for (std::uint32_t i = 0; i < n; ++i) this->sketch_.add(hash_integer(values[i]));
    } else {
      for (std::uint32_t i = 0; i < n; ++i)
        if (this->valid_.valid(i)) this->sketch_.add(hash_integer(values[i]));
    }
  }

  /// The narrowest width that holds the values, and beside them a spare one for NULL when there are NULLs; a width
  /// beyond that of the column's type is never chosen, a validity dataset is.
  void choose_storage(TocColumn& c, T min, T max) override {
    c.stored = data::Stored::kI128;
    if (interval_) return;
    bool nulls = this->nulls_ > 0;
    std::size_t limit = data::physical_width(data::physical_of(type_));
    const Range<T>* without_spare = nullptr;
    for (const auto& r : kRanges<T>) {
      if (data::stored_width(r.stored) > limit || min < r.lo || max > r.hi) continue;
      if (!nulls) {
        c.stored = r.stored;
        return;
      }
      bool is_signed = r.lo < 0;
      bool low_free = min > r.lo;
      bool high_free = max < r.hi;
      if (low_free || high_free) {
        c.stored = r.stored;
        c.has_null_value = true;
        // The far end of the range: what CF tools expect of a fill value.
        T spare = (is_signed && low_free) || !high_free ? r.lo : r.hi;
        c.null_value = static_cast<std::int64_t>(spare);
        return;
      }
      if (without_spare == nullptr) without_spare = &r;
    }
    if (without_spare != nullptr) c.stored = without_spare->stored;
  }

  data::Type type_;
  bool interval_;
};

}  // namespace

std::unique_ptr<ColumnEncoder> make_integer_encoder(const data::Type& type) {
  if (data::physical_of(type) == data::Physical::kI128) return std::make_unique<IntegerEncoder<Int128>>(type);
  return std::make_unique<IntegerEncoder<std::int64_t>>(type);
}

}  // namespace tajo::storage::hdf5
