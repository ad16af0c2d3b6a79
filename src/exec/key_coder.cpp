#include "key_coder.hpp"

#include <algorithm>

#include "tajo/data/load.hpp"

namespace tajo::exec {

using data::Physical;
using data::Selection;
using data::Vector;

namespace {

constexpr std::uint32_t kMaxDomain = 65536;
constexpr std::uint32_t kFirstTextDomain = 16;
constexpr std::uint32_t kMaxTextDomain = 4096;
constexpr std::uint32_t kMaxIntegerDomain = 16384;

/// numbers[i] += code of row i × stride; codes of integers are value - lo + 1, NULL is 0.
template <class T>
void add_integers(const Vector& v, const Selection& selection, std::int64_t lo, std::uint32_t stride, std::uint32_t* numbers) {
  const T* values = v.as<T>();
  const auto base = static_cast<T>(lo);
  if (v.form == Vector::Form::kConstant) {
    const bool valid = data::row_valid(v.valid, 0);
    const std::uint32_t code = valid ? (static_cast<std::uint32_t>(values[0] - base) + 1) * stride : 0;
    for (std::uint32_t i = 0; i < selection.count; ++i) numbers[i] += code;
  } else if (v.valid == nullptr) {
    for (std::uint32_t i = 0; i < selection.count; ++i)
      numbers[i] += (static_cast<std::uint32_t>(values[selection[i]] - base) + 1) * stride;
  } else {
    for (std::uint32_t i = 0; i < selection.count; ++i) {
      const std::uint32_t row = selection[i];
      if (data::row_valid(v.valid, row)) numbers[i] += (static_cast<std::uint32_t>(values[row] - base) + 1) * stride;
    }
  }
}

}  // namespace

std::optional<KeyCoder> KeyCoder::make(const std::vector<functions::ExpressionPtr>& keys) {
  KeyCoder coder;
  for (const functions::ExpressionPtr& e : keys) {
    Key key;
    switch (e->physical) {
      case Physical::kBool:
        key.domain = 3;
        break;
      case Physical::kI32:
      case Physical::kI64: {
        if (!e->bounds.proved || e->bounds.hi < e->bounds.lo || e->bounds.hi - e->bounds.lo > kMaxIntegerDomain - 2) return std::nullopt;
        key.lo = static_cast<std::int64_t>(e->bounds.lo);
        key.domain = static_cast<std::uint32_t>(e->bounds.hi - e->bounds.lo) + 2;
        break;
      }
      case Physical::kStr:
        key.text = true;
        key.domain = kFirstTextDomain;
        break;
      default: return std::nullopt;
    }
    coder.keys_.push_back(std::move(key));
  }
  if (coder.keys_.empty() || !coder.layout()) return std::nullopt;
  return coder;
}

bool KeyCoder::layout() {
  std::uint64_t domain = 1;
  for (Key& key : keys_) {
    key.bytes.clear();
    key.stride = static_cast<std::uint32_t>(domain);
    domain *= key.domain;
    if (domain > kMaxDomain) return false;
  }
  domain_ = static_cast<std::uint32_t>(domain);
  return true;
}

bool KeyCoder::encode_text(Key& key, const Vector& v, std::uint32_t rows, const Selection& selection, data::Arena& arena,
                           std::uint32_t* numbers, bool& grown) {
  const bool dictionary = v.form == Vector::Form::kCodes || v.form == Vector::Form::kStored;
  if (!dictionary || v.dictionary == nullptr) return false;
  const std::uint64_t* valid = nullptr;
  const std::uint32_t* codes = data::load_codes(v, rows, selection, arena, valid);
  if (!key.remap.any || key.remap.dictionary != v.dictionary->id) {
    if (v.dictionary->values.size() > kMaxTextDomain) return false;
    key.bytes.clear();
    key.remap = Remap{v.dictionary->id, true, std::vector<std::uint16_t>(v.dictionary->values.size(), 0)};
  }
  std::uint16_t* remap = key.remap.codes.data();
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const std::uint32_t row = selection[i];
    if (!data::row_valid(valid, row)) continue;
    const std::uint32_t code = codes[row];
    if (remap[code] == 0) [[unlikely]] {
      const std::string_view text = v.dictionary->values[code].view();
      auto found = key.values.find(text);
      if (found == key.values.end()) {
        if (key.values.size() + 1 >= kMaxTextDomain) return false;
        char* copy = static_cast<char*>(strings_->allocate(text.size() + 1, 1));
        std::memcpy(copy, text.data(), text.size());
        found = key.values.emplace(std::string_view(copy, text.size()), static_cast<std::uint16_t>(key.values.size() + 1)).first;
      }
      remap[code] = found->second;
      key.bytes.clear();
      if (found->second >= key.domain) grown = true;
    }
    numbers[i] += remap[code] * key.stride;
  }
  return true;
}

bool KeyCoder::encode(std::span<const Vector> keys, std::uint32_t rows, const Selection& selection, data::Arena& arena,
                      std::uint32_t* numbers, bool& changed) {
  changed = false;
  for (;;) {
    std::fill_n(numbers, selection.count, 0U);
    bool grown = false;
    for (std::size_t k = 0; k < keys_.size(); ++k) {
      Key& key = keys_[k];
      if (key.text) {
        if (!encode_text(key, keys[k], rows, selection, arena, numbers, grown)) return false;
        continue;
      }
      const Vector v = data::load(keys[k], rows, selection, arena);
      switch (v.type) {
        case Physical::kBool: add_integers<std::uint8_t>(v, selection, 0, key.stride, numbers); break;
        case Physical::kI32: add_integers<std::int32_t>(v, selection, key.lo, key.stride, numbers); break;
        default: add_integers<std::int64_t>(v, selection, key.lo, key.stride, numbers); break;
      }
    }
    if (!grown) return true;
    for (Key& key : keys_)
      while (key.text && key.values.size() >= key.domain) key.domain *= 2;
    if (!layout()) return false;
    changed = true;
  }
}

void KeyCoder::make_bytes(Key& key, const Vector& v, std::uint64_t of) {
  key.bytes.assign(256, kUnknownByte);
  key.bytes_of = of;
  if (key.text) {
    for (std::size_t code = 0; code < std::min<std::size_t>(key.remap.codes.size(), 256); ++code)
      if (key.remap.codes[code] != 0) key.bytes[code] = key.remap.codes[code] * key.stride;
  } else {
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const std::int64_t value = v.stored == data::Stored::kI8 ? static_cast<std::int8_t>(byte) : static_cast<std::int64_t>(byte);
      const std::int64_t code = value - key.lo + 1;
      if (code >= 1 && code < static_cast<std::int64_t>(key.domain)) key.bytes[byte] = static_cast<std::uint32_t>(code) * key.stride;
    }
  }
  if (v.has_null_value) key.bytes[static_cast<std::uint8_t>(v.null_value)] = 0;
}

namespace {
template <std::size_t N>
std::uint32_t add_bytes(const std::uint8_t* const* bytes, const std::uint32_t* const* tables, const Selection& selection, std::uint32_t* numbers) {
  std::uint32_t any = 0;
  const auto loop = [&](auto&& row_of) {
    for (std::uint32_t i = 0; i < selection.count; ++i) {
      const std::uint32_t row = row_of(i);
      std::uint32_t number = tables[0][bytes[0][row]];
      for (std::size_t k = 1; k < N; ++k) number += tables[k][bytes[k][row]];
      numbers[i] = number;
      any |= number;
    }
  };
  if (selection.rows == nullptr) loop([](std::uint32_t i) { return i; });
  else loop([&](std::uint32_t i) { return static_cast<std::uint32_t>(selection.rows[i]); });
  return any;
}
}  // namespace

bool KeyCoder::encode_bytes(std::span<const Vector> keys, const Selection& selection, std::uint32_t* numbers) {
  if (keys.size() > kMaxByteKeys) return false;
  const std::uint8_t* bytes[kMaxByteKeys];
  const std::uint32_t* tables[kMaxByteKeys];
  for (std::size_t k = 0; k < keys.size(); ++k) {
    const Vector& v = keys[k];
    Key& key = keys_[k];
    if (v.form != Vector::Form::kStored || v.valid != nullptr || (v.stored != data::Stored::kI8 && v.stored != data::Stored::kU8)) return false;
    std::uint64_t of = v.stored == data::Stored::kI8 ? 1 : 0;
    if (key.text) {
      if (v.dictionary == nullptr || !key.remap.any || key.remap.dictionary != v.dictionary->id) return false;
      of = v.dictionary->id;
    } else if (v.has_null_value) {
      of |= 2 | static_cast<std::uint64_t>(static_cast<std::uint8_t>(v.null_value)) << 2;
    }
    if (key.bytes.empty() || key.bytes_of != of) make_bytes(key, v, of);
    bytes[k] = v.as<std::uint8_t>();
    tables[k] = key.bytes.data();
  }
  // Three unknown bytes still do not overflow into a known number.
  std::uint32_t any = 0;
  switch (keys.size()) {
    case 1: any = add_bytes<1>(bytes, tables, selection, numbers); break;
    case 2: any = add_bytes<2>(bytes, tables, selection, numbers); break;
    default: any = add_bytes<3>(bytes, tables, selection, numbers); break;
  }
  return any < kUnknownByte;
}

}  // namespace tajo::exec
