#include "join_table.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "key_packer.hpp"
#include "tajo/functions/program.hpp"

namespace tajo::exec {

using data::Physical;
using data::Selection;
using data::Vector;

namespace {

constexpr std::uint64_t kDensePerRow = 8;        ///< an array may have as many places a row
constexpr std::uint64_t kBitmapPerRow = 512;     ///< and a bitmap as many bits
constexpr std::uint64_t kAlwaysDense = 4096;
constexpr std::uint64_t kMaxDense = std::uint64_t{1} << 32;
constexpr std::uint64_t kNoNumber = ~std::uint64_t{0};

bool is_integer(Physical type) { return type == Physical::kI32 || type == Physical::kI64; }

template <class T>
T load_at(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
void bounds_of(const Vector& v, const Selection& selection, std::int64_t& lo, std::int64_t& hi) {
  const T* values = v.as<T>();
  if (selection.count == 0) return;
  if (v.form == Vector::Form::kConstant) {
    lo = std::min<std::int64_t>(lo, values[0]);
    hi = std::max<std::int64_t>(hi, values[0]);
    return;
  }
  T low = values[selection[0]], high = low;
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const T value = values[selection[i]];
    low = std::min(low, value);
    high = std::max(high, value);
  }
  lo = std::min<std::int64_t>(lo, low);
  hi = std::max<std::int64_t>(hi, high);
}

}  // namespace

JoinTable::JoinTable(Shape shape, MemoryAccount& memory) : shape_(std::move(shape)), memory_(memory) {
  single_integer_ = shape_.keys.size() == 1 && is_integer(shape_.stored[shape_.keys[0]]);
  const std::uint32_t fixed = single_integer_ ? 8 : 16;
  flag_offset_ = fixed;
  layout_ = RowLayout(fixed + (shape_.flags ? 1U : 0U), shape_.stored);
  any_null_.assign(shape_.stored.size(), false);
}

JoinTable::Part::Part(const JoinTable& table, MemoryAccount& memory)
    : rows(table.layout_.size()),
      null_rows(table.layout_.size()),
      bounds(table.shape_.keys.size(), Bounds{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}),
      any_null(table.shape_.stored.size(), false),
      reservation(memory, "hash join build") {}

void JoinTable::append(Part& part, std::span<const Vector> values, const Selection& selection) const {
  // Rows with a NULL key can match nothing.
  std::uint16_t with_key[data::kVectorRows];
  std::uint16_t without_key[data::kVectorRows];
  std::uint32_t keyed = 0, unkeyed = 0;
  bool nulls = false;
  for (const std::size_t k : shape_.keys) nulls |= values[k].valid != nullptr;
  Selection joinable = selection;
  if (nulls) {
    for (std::uint32_t i = 0; i < selection.count; ++i) {
      const std::uint32_t row = selection[i];
      bool valid = true;
      for (const std::size_t k : shape_.keys)
        valid &= data::row_valid(values[k].valid, values[k].form == Vector::Form::kConstant ? 0 : row);
      (valid ? with_key[keyed++] : without_key[unkeyed++]) = static_cast<std::uint16_t>(row);
    }
    joinable = {with_key, keyed};
    part.null_key |= unkeyed != 0;
  }
  const auto write = [&](RowStore& store, const Selection& rows) {
    part.targets.resize(rows.count);
    const std::uint32_t header = flag_offset_ + (shape_.flags ? 1U : 0U);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      std::byte* row = store.append(part.arena);
      std::memset(row, 0, header);
      layout_.clear_nulls(row);
      part.targets[i] = row;
    }
    for (std::size_t c = 0; c < values.size(); ++c)
      if (layout_.scatter(c, values[c], rows, part.targets.data(), part.strings)) part.any_null[c] = true;
  };
  if (joinable.count != 0) {
    write(part.rows, joinable);
    for (std::size_t k = 0; k < shape_.keys.size(); ++k) {
      const Vector& key = values[shape_.keys[k]];
      Part::Bounds& bounds = part.bounds[k];
      if (key.type == Physical::kI32) bounds_of<std::int32_t>(key, joinable, bounds.lo, bounds.hi);
      else if (key.type == Physical::kI64) bounds_of<std::int64_t>(key, joinable, bounds.lo, bounds.hi);
    }
    if (!single_integer_) {
      std::uint64_t hashes[data::kVectorRows];
      std::vector<Vector> keys;
      keys.reserve(shape_.keys.size());
      for (const std::size_t k : shape_.keys) keys.push_back(values[k]);
      functions::hash_rows(keys, joinable, hashes);
      for (std::uint32_t i = 0; i < joinable.count; ++i) std::memcpy(part.targets[i] + 8, &hashes[i], 8);
    }
  }
  if (unkeyed != 0 && shape_.keep_null_keys) write(part.null_rows, {without_key, unkeyed});
}

void JoinTable::adopt(Part& part, std::byte* rows, std::uint32_t count) const {
  part.rows.adopt(rows, count);
  for (std::size_t k = 0; k < shape_.keys.size(); ++k) {
    if (!integer_key(k)) continue;
    Part::Bounds& bounds = part.bounds[k];
    for (std::uint32_t r = 0; r < count; ++r) {
      const std::int64_t key = key_of(rows + std::size_t{r} * layout_.size(), k);
      bounds.lo = std::min(bounds.lo, key);
      bounds.hi = std::max(bounds.hi, key);
    }
  }
}

void JoinTable::clear(Part& part) const {
  part.rows = RowStore(layout_.size());
  part.null_rows = RowStore(layout_.size());
  part.arena.release();
  part.strings.release();
  part.reservation.set(0);
}

void JoinTable::add(std::unique_ptr<Part> part) {
  const std::lock_guard lock(mutex_);
  parts_.push_back(std::move(part));
}

bool JoinTable::integer_key(std::size_t key) const { return is_integer(layout_.type(shape_.keys[key])); }

bool JoinTable::prepare() {
  pieces_.clear();
  rows_ = 0;
  dense_ = bitmap_ = false;
  bounds_.assign(shape_.keys.size(), {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()});
  for (const auto& part : parts_) {
    for (const RowStore::Chunk& chunk : part->rows.chunks()) {
      if (chunk.rows == 0) continue;
      pieces_.push_back(chunk);
      rows_ += chunk.rows;
    }
    null_key_ |= part->null_key;
    for (std::size_t k = 0; k < bounds_.size(); ++k) {
      bounds_[k].lo = std::min(bounds_[k].lo, part->bounds[k].lo);
      bounds_[k].hi = std::max(bounds_[k].hi, part->bounds[k].hi);
    }
    for (std::size_t c = 0; c < any_null_.size(); ++c) any_null_[c] = any_null_[c] || part->any_null[c];
  }
  if (rows_ == 0) return true;
  numbered_ = choose_numbers();
  if (numbered_) {
    const bool fits = range_ < kMaxDense;
    bitmap_ = fits && shape_.existence && range_ / kBitmapPerRow <= rows_ + 8;
    dense_ = bitmap_ || (fits && (range_ <= kAlwaysDense || range_ / kDensePerRow <= rows_));
  }
  if (make_directory()) return true;
  if (!dense_) return false;
  dense_ = bitmap_ = false;  // an array takes more places than rows
  return make_directory();
}

bool JoinTable::make_directory() {
  std::uint64_t places = 0;
  if (bitmap_) {
    places = range_ / 64 + 1;
  } else if (dense_) {
    places = range_;
  } else {
    places = std::bit_ceil(std::max<std::uint64_t>(rows_ + rows_ / 4, 16));
    shift_ = 64 - std::countr_zero(places);
  }
  Reservation reservation(memory_, "hash join directory");
  if (!reservation.try_set(places * sizeof(std::uint64_t))) return false;
  directory_ = ZeroedArray<std::uint64_t>(places, std::move(reservation));
  return true;
}

std::size_t JoinTable::memory() const {
  std::size_t bytes = directory_.size() * sizeof(std::uint64_t);
  for (const auto& part : parts_) bytes += part->reservation.held();
  return bytes;
}

/// Whether the keys are integers whose extents multiply to less than 2^63; sets range_ to the product. A single
/// integer is always its own number, perhaps of a range that nothing is indexed by.
bool JoinTable::choose_numbers() {
  unsigned __int128 range = 1;
  for (std::size_t k = 0; k < shape_.keys.size(); ++k) {
    if (!integer_key(k)) return false;
    range *= static_cast<unsigned __int128>(static_cast<__int128>(bounds_[k].hi) - bounds_[k].lo + 1);
    if (range >> 63 != 0 && !single_integer_) return false;
    if (range >> 63 != 0) range = static_cast<unsigned __int128>(1) << 63;
  }
  range_ = static_cast<std::uint64_t>(range);
  return true;
}

std::int64_t JoinTable::key_of(const std::byte* row, std::size_t key) const {
  const std::size_t column = shape_.keys[key];
  const std::byte* at = row + layout_.offset(column);
  return layout_.type(column) == Physical::kI32 ? load_at<std::int32_t>(at) : load_at<std::int64_t>(at);
}

std::uint64_t JoinTable::number_of(const std::byte* row) const {
  std::uint64_t number = static_cast<std::uint64_t>(key_of(row, 0)) - static_cast<std::uint64_t>(bounds_[0].lo);
  for (std::size_t k = 1; k < shape_.keys.size(); ++k) {
    number = number * (span(k) + 1) + static_cast<std::uint64_t>(key_of(row, k)) - static_cast<std::uint64_t>(bounds_[k].lo);
  }
  return number;
}

std::uint64_t JoinTable::spill_hash(const std::byte* row) const {
  return single_integer_ ? KeyPacker::mix(static_cast<std::uint64_t>(key_of(row, 0))) : load_at<std::uint64_t>(row + 8);
}

void JoinTable::spill_hashes(std::span<const Vector> keys, const Selection& selection, std::uint64_t* hashes) const {
  if (!single_integer_) return functions::hash_rows(keys, selection, hashes);
  const auto mix_all = [&](const auto* values) {
    const bool constant = keys[0].form == Vector::Form::kConstant;
    for (std::uint32_t i = 0; i < selection.count; ++i)
      hashes[i] = KeyPacker::mix(static_cast<std::uint64_t>(static_cast<std::int64_t>(values[constant ? 0 : selection[i]])));
  };
  if (keys[0].type == Physical::kI32) mix_all(keys[0].as<std::int32_t>());
  else mix_all(keys[0].as<std::int64_t>());
}

void JoinTable::link(std::uint32_t piece, std::span<RuntimeFilter* const> filters) {
  const RowStore::Chunk& chunk = pieces_[piece];
  const std::uint32_t bytes = layout_.size();
  for (std::size_t k = 0; k < filters.size(); ++k) {
    if (filters[k] == nullptr || !filters[k]->has_bounds()) continue;
    for (std::uint32_t r = 0; r < chunk.rows; ++r) filters[k]->add(key_of(chunk.data + std::size_t{r} * bytes, k));
  }
  bool repeated = false;
  for (std::uint32_t r = 0; r < chunk.rows; ++r) {
    std::byte* row = chunk.data + std::size_t{r} * bytes;
    std::uint64_t number = 0;
    if (numbered_) {
      number = number_of(row);
      if (!single_integer_) std::memcpy(row + 8, &number, sizeof number);
    }
    if (bitmap_) {
      std::atomic_ref<std::uint64_t>(directory_[number >> 6]).fetch_or(std::uint64_t{1} << (number & 63), std::memory_order_relaxed);
    } else if (dense_) {
      std::atomic_ref<std::uint64_t> head(directory_[number]);
      const std::uint64_t before = head.exchange(reinterpret_cast<std::uint64_t>(row), std::memory_order_relaxed);
      std::memcpy(row, &before, sizeof before);
      repeated |= before != 0;
    } else {
      const std::uint64_t hash = numbered_ ? KeyPacker::mix(number) : load_at<std::uint64_t>(row + 8);
      std::atomic_ref<std::uint64_t> head(directory_[hash >> shift_]);
      std::uint64_t before = head.load(std::memory_order_relaxed);
      for (;;) {
        const std::uint64_t chained = before & 0xFFFFFFFFFFFFULL;
        std::memcpy(row, &chained, sizeof chained);
        const std::uint64_t tags = (before & ~0xFFFFFFFFFFFFULL) | tag(hash);
        if (head.compare_exchange_weak(before, tags | reinterpret_cast<std::uint64_t>(row), std::memory_order_relaxed)) break;
      }
    }
  }
  if (repeated) repeated_.store(true, std::memory_order_relaxed);
}

bool JoinTable::keys_equal(std::span<const Vector> keys, std::uint32_t position, const std::byte* row) const {
  for (std::size_t k = 0; k < keys.size(); ++k)
    if (!layout_.equal(shape_.keys[k], keys[k], position, row)) return false;
  return true;
}

template <class T>
void JoinTable::find_dense(const Vector& key, const Selection& selection, std::byte** out) const {
  const T* values = key.as<T>();
  const bool constant = key.form == Vector::Form::kConstant;
  const auto lo = static_cast<std::uint64_t>(bounds_[0].lo);
  const std::uint64_t* directory = directory_.data();
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const std::uint32_t row = constant ? 0 : selection[i];
    const std::uint64_t place = static_cast<std::uint64_t>(static_cast<std::int64_t>(values[row])) - lo;
    std::uint64_t found = 0;
    if (place < range_ && data::row_valid(key.valid, row))
      found = bitmap_ ? directory[place >> 6] >> (place & 63) & 1 : directory[place];
    out[i] = reinterpret_cast<std::byte*>(found);
  }
}

namespace {
/// numbers[i] = numbers[i] * (span + 1) + distance of row i's key from lo; kNoNumber where that is above span, or NULL.
template <class T>
void number_key(const Vector& v, const Selection& selection, std::int64_t lo, std::uint64_t span, bool first, std::uint64_t* numbers) {
  const T* values = v.as<T>();
  const bool constant = v.form == Vector::Form::kConstant;
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const std::uint32_t row = constant ? 0 : selection[i];
    const std::uint64_t distance = static_cast<std::uint64_t>(static_cast<std::int64_t>(values[row])) - static_cast<std::uint64_t>(lo);
    const std::uint64_t number = first ? distance : numbers[i] * (span + 1) + distance;
    const bool inside = distance <= span && data::row_valid(v.valid, row) && (first || numbers[i] != kNoNumber);
    numbers[i] = inside ? number : kNoNumber;
  }
}
}  // namespace

void JoinTable::number_rows(std::span<const Vector> keys, const Selection& selection, std::uint64_t* numbers) const {
  for (std::size_t k = 0; k < keys.size(); ++k) {
    if (keys[k].type == Physical::kI32) number_key<std::int32_t>(keys[k], selection, bounds_[k].lo, span(k), k == 0, numbers);
    else number_key<std::int64_t>(keys[k], selection, bounds_[k].lo, span(k), k == 0, numbers);
  }
}

void JoinTable::find_numbered(std::span<const Vector> keys, const Selection& selection, data::Arena& arena, std::byte** out) const {
  const std::uint32_t n = selection.count;
  auto* numbers = arena.array<std::uint64_t>(n);
  number_rows(keys, selection, numbers);
  if (dense_) {
    for (std::uint32_t i = 0; i < n; ++i) {
      std::uint64_t found = 0;
      if (numbers[i] < range_) found = bitmap_ ? directory_[numbers[i] >> 6] >> (numbers[i] & 63) & 1 : directory_[numbers[i]];
      out[i] = reinterpret_cast<std::byte*>(found);
    }
    return;
  }
  auto* hashes = arena.array<std::uint64_t>(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    hashes[i] = KeyPacker::mix(numbers[i]);
    __builtin_prefetch(&directory_[hashes[i] >> shift_]);
  }
  // Keys that span all of 64 bits use kNoNumber as a number, too.
  const bool all_numbers = single_integer_ && span(0) == kNoNumber;
  const auto key_valid = [&](std::uint32_t i) {
    return data::row_valid(keys[0].valid, keys[0].form == Vector::Form::kConstant ? 0 : selection[i]);
  };
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint64_t entry = directory_[hashes[i] >> shift_];
    const bool possible = (entry & tag(hashes[i])) != 0 && (numbers[i] != kNoNumber || (all_numbers && key_valid(i)));
    out[i] = possible ? row_of(entry) : nullptr;
    __builtin_prefetch(out[i]);
  }
  for (std::uint32_t i = 0; i < n; ++i) {
    std::byte* row = out[i];
    if (single_integer_)
      while (row != nullptr && number_of(row) != numbers[i]) row = next(row);
    else
      while (row != nullptr && load_at<std::uint64_t>(row + 8) != numbers[i]) row = next(row);
    out[i] = row;
  }
}

void JoinTable::find_hashed(std::span<const Vector> keys, const Selection& selection, data::Arena& arena, std::byte** out) const {
  auto* hashes = arena.array<std::uint64_t>(selection.count);
  functions::hash_rows(keys, selection, hashes);
  for (std::uint32_t i = 0; i < selection.count; ++i) __builtin_prefetch(&directory_[hashes[i] >> shift_]);
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const std::uint64_t entry = directory_[hashes[i] >> shift_];
    out[i] = (entry & tag(hashes[i])) != 0 ? row_of(entry) : nullptr;
    __builtin_prefetch(out[i]);
  }
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    std::byte* row = out[i];
    // Rows with a NULL key are not in the table, and NULL equals only NULL here: such probe rows find nothing.
    while (row != nullptr && (load_at<std::uint64_t>(row + 8) != hashes[i] || !keys_equal(keys, selection[i], row))) row = next(row);
    out[i] = row;
  }
}

void JoinTable::find(std::span<const Vector> keys, const Selection& selection, data::Arena& arena, std::byte** out) const {
  if (rows_ == 0) {
    std::fill_n(out, selection.count, nullptr);
    return;
  }
  if (!numbered_) return find_hashed(keys, selection, arena, out);
  if (!dense_ || !single_integer_) return find_numbered(keys, selection, arena, out);
  if (keys[0].type == Physical::kI32) find_dense<std::int32_t>(keys[0], selection, out);
  else find_dense<std::int64_t>(keys[0], selection, out);
}

std::byte* JoinTable::find_next(std::span<const Vector> keys, std::uint32_t position, const std::byte* row) const {
  std::byte* at = next(row);
  if (dense_) return at;
  if (single_integer_) {
    const std::int64_t key = key_of(row, 0);
    while (at != nullptr && key_of(at, 0) != key) at = next(at);
    return at;
  }
  const std::uint64_t hash = load_at<std::uint64_t>(row + 8);
  if (numbered_) {
    while (at != nullptr && load_at<std::uint64_t>(at + 8) != hash) at = next(at);
    return at;
  }
  while (at != nullptr && (load_at<std::uint64_t>(at + 8) != hash || !keys_equal(keys, position, at))) at = next(at);
  return at;
}

}  // namespace tajo::exec
