#include "rows.hpp"

#include <algorithm>
#include <cstring>

#include "tajo/data/batch_codec.hpp"

namespace tajo::master {
namespace {

void store(const data::Value& value, data::Physical physical, void* out, std::uint32_t row, data::Arena& arena) {
  auto integer = [&]() -> std::int64_t {
    if (const auto* i = std::get_if<std::int64_t>(&value)) return *i;
    if (const auto* w = std::get_if<__int128>(&value)) return static_cast<std::int64_t>(*w);
    return 0;
  };
  auto real = [&]() -> double {
    if (const auto* d = std::get_if<double>(&value)) return *d;
    return static_cast<double>(integer());
  };
  switch (physical) {
    case data::Physical::kBool: static_cast<std::uint8_t*>(out)[row] = integer() != 0; break;
    case data::Physical::kI32: static_cast<std::int32_t*>(out)[row] = static_cast<std::int32_t>(integer()); break;
    case data::Physical::kI64: static_cast<std::int64_t*>(out)[row] = integer(); break;
    case data::Physical::kI128: {
      const auto* w = std::get_if<__int128>(&value);
      static_cast<__int128*>(out)[row] = w != nullptr ? *w : integer();
      break;
    }
    case data::Physical::kF32: static_cast<float*>(out)[row] = static_cast<float>(real()); break;
    case data::Physical::kF64: static_cast<double*>(out)[row] = real(); break;
    case data::Physical::kStr: {
      const auto* s = std::get_if<std::string>(&value);
      static_cast<data::Str*>(out)[row] = s != nullptr ? arena.copy(*s) : data::Str();
      break;
    }
  }
}

}  // namespace

std::vector<std::shared_ptr<const Bytes>> encode_rows(const std::vector<data::Column>& columns, const Rows& rows) {
  std::vector<data::Physical> physicals;
  for (const data::Column& c : columns) physicals.push_back(data::physical_of(c.type));
  data::BlockBuilder builder(physicals);
  data::Arena arena;
  for (std::size_t first = 0; first < rows.size(); first += data::kVectorRows) {
    arena.reset();
    data::Batch batch;
    batch.rows = static_cast<std::uint32_t>(std::min<std::size_t>(data::kVectorRows, rows.size() - first));
    batch.selection.count = batch.rows;
    batch.arena = &arena;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      auto* valid = arena.array<std::uint64_t>((batch.rows + 63) / 64);
      std::memset(valid, 0, (batch.rows + 63) / 64 * sizeof(std::uint64_t));
      void* values = arena.allocate(batch.rows * data::physical_width(physicals[c]), 64);
      for (std::uint32_t r = 0; r < batch.rows; ++r) {
        const data::Value& value = rows[first + r][c];
        if (!data::is_null(value)) valid[r >> 6] |= std::uint64_t{1} << (r & 63);
        store(value, physicals[c], values, r, arena);
      }
      data::Vector v;
      v.type = physicals[c];
      v.data = values;
      v.valid = valid;
      batch.columns.push_back(v);
    }
    builder.append(batch);
  }
  if (builder.rows() == 0) return {};
  return {std::make_shared<const Bytes>(builder.take())};
}

}  // namespace tajo::master
