#pragma once
#include <deque>
#include <string>
#include <vector>

#include "tajo/data/schema.hpp"
#include "tajo/data/value.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::testing {

/// Rows of values as one batch (at most kVectorRows).
class FakeRows {
 public:
  explicit FakeRows(std::vector<data::Column> columns) : columns_(std::move(columns)), valid_(columns_.size()) {
    for (const auto& column : columns_) {
      std::size_t width = data::physical_width(data::physical_of(column.type));
      data_.emplace_back((data::kVectorRows * width + 15) / 16);
    }
    for (auto& bits : valid_) bits.assign(data::kVectorRows / 64, 0);
  }
  const std::vector<data::Column>& columns() const { return columns_; }
  std::uint32_t rows() const { return rows_; }

  void add(const std::vector<data::Value>& values) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (data::is_null(values[c])) continue;
      valid_[c][rows_ >> 6] |= std::uint64_t{1} << (rows_ & 63);
      put(c, values[c]);
    }
    ++rows_;
  }
  data::Batch batch() const {
    data::Batch batch;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      data::Vector& v = batch.columns.emplace_back();
      v.type = data::physical_of(columns_[c].type);
      v.data = data_[c].data();
      v.valid = valid_[c].data();
    }
    batch.rows = rows_;
    batch.selection.count = rows_;
    return batch;
  }
  void clear() {
    rows_ = 0;
    for (auto& bits : valid_) std::fill(bits.begin(), bits.end(), 0);
    texts_.clear();
  }

 private:
  void put(std::size_t c, const data::Value& value) {
    void* to = data_[c].data();
    auto number = [&] {
      return std::holds_alternative<__int128>(value) ? std::get<__int128>(value) : __int128{std::get<std::int64_t>(value)};
    };
    switch (data::physical_of(columns_[c].type)) {
      case data::Physical::kBool: static_cast<std::uint8_t*>(to)[rows_] = number() != 0; break;
      case data::Physical::kI32: static_cast<std::int32_t*>(to)[rows_] = static_cast<std::int32_t>(number()); break;
      case data::Physical::kI64: static_cast<std::int64_t*>(to)[rows_] = static_cast<std::int64_t>(number()); break;
      case data::Physical::kI128: static_cast<__int128*>(to)[rows_] = number(); break;
      case data::Physical::kF32: static_cast<float*>(to)[rows_] = static_cast<float>(std::get<double>(value)); break;
      case data::Physical::kF64: static_cast<double*>(to)[rows_] = std::get<double>(value); break;
      case data::Physical::kStr:
        texts_.push_back(std::get<std::string>(value));
        static_cast<data::Str*>(to)[rows_] = data::Str(texts_.back());
        break;
    }
  }

  std::vector<data::Column> columns_;
  std::vector<std::vector<__int128>> data_;
  std::vector<std::vector<std::uint64_t>> valid_;
  std::deque<std::string> texts_;
  std::uint32_t rows_ = 0;
};

}  // namespace tajo::testing
