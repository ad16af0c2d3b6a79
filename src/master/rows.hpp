#pragma once
#include <memory>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/data/schema.hpp"
#include "tajo/data/value.hpp"

namespace tajo::master {

using Rows = std::vector<std::vector<data::Value>>;

/// Rows of values as encoded blocks, for results the master makes itself (SHOW, EXPLAIN).
std::vector<std::shared_ptr<const Bytes>> encode_rows(const std::vector<data::Column>& columns, const Rows& rows);

}  // namespace tajo::master
