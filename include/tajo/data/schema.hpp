#pragma once
#include <string>
#include <vector>

#include "tajo/data/type.hpp"

namespace tajo::data {

struct Column {
  std::string name;
  Type type;
  bool not_null = false;
  bool operator==(const Column&) const = default;
};

struct Schema {
  std::vector<Column> columns;
  int find(const std::string& name) const {  ///< index or -1; names are already folded
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i].name == name) return static_cast<int>(i);
    return -1;
  }
  bool operator==(const Schema&) const = default;
};

}  // namespace tajo::data
