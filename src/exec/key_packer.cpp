#include "key_packer.hpp"

#include <limits>

namespace tajo::exec {

using data::Physical;
using data::Selection;
using data::Vector;

namespace {

constexpr __int128 kTwoTo64 = static_cast<__int128>(1) << 64;

template <class T>
void append_key(const Vector& v, const Selection& selection, std::int64_t lo, std::uint64_t radix, bool first, std::uint64_t* packed) {
  const T* values = v.as<T>();
  const bool constant = v.form == Vector::Form::kConstant;
  const auto base = static_cast<std::uint64_t>(lo) - 1;  // NULL is 0
  const auto loop = [&](auto&& code_of) {
    for (std::uint32_t i = 0; i < selection.count; ++i) packed[i] = (first ? 0 : packed[i] * radix) + code_of(constant ? 0 : selection[i]);
  };
  if (v.valid == nullptr) loop([&](std::uint32_t row) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(values[row])) - base; });
  else
    loop([&](std::uint32_t row) {
      return data::row_valid(v.valid, row) ? static_cast<std::uint64_t>(static_cast<std::int64_t>(values[row])) - base : 0;
    });
}

}  // namespace

std::optional<KeyPacker> KeyPacker::make(const std::vector<functions::ExpressionPtr>& keys) {
  KeyPacker packer;
  __int128 range = 1;
  for (const functions::ExpressionPtr& e : keys) {
    __int128 lo = 0, hi = 1;
    if (e->physical == Physical::kI32) {
      lo = std::numeric_limits<std::int32_t>::min();
      hi = std::numeric_limits<std::int32_t>::max();
    } else if (e->physical != Physical::kBool && (e->physical != Physical::kI64 || !e->bounds.proved)) {
      return std::nullopt;
    }
    if (e->bounds.proved && e->physical != Physical::kBool) {
      if (e->bounds.hi < e->bounds.lo) return std::nullopt;
      lo = e->bounds.lo;
      hi = e->bounds.hi;
    }
    const __int128 radix = hi - lo + 2;
    if (radix >= kTwoTo64) return std::nullopt;
    range *= radix;
    if (range > kTwoTo64) return std::nullopt;
    packer.keys_.push_back({static_cast<std::int64_t>(lo), static_cast<std::uint64_t>(radix)});
  }
  if (packer.keys_.empty()) return std::nullopt;
  packer.range_ = range == kTwoTo64 ? 0 : static_cast<std::uint64_t>(range);
  return packer;
}

void KeyPacker::pack(std::span<const Vector> keys, const Selection& selection, std::uint64_t* packed) const {
  for (std::size_t k = 0; k < keys_.size(); ++k) {
    const Key& key = keys_[k];
    switch (keys[k].type) {
      case Physical::kBool: append_key<std::uint8_t>(keys[k], selection, key.lo, key.radix, k == 0, packed); break;
      case Physical::kI32: append_key<std::int32_t>(keys[k], selection, key.lo, key.radix, k == 0, packed); break;
      default: append_key<std::int64_t>(keys[k], selection, key.lo, key.radix, k == 0, packed); break;
    }
  }
}

}  // namespace tajo::exec
