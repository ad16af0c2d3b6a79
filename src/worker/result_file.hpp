#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tajo/common/bytes.hpp"

namespace tajo::worker {

/// `staging/<query id>/RESULT`: each block as u32 length + bytes; synced before it is named. Blocking. Errors 53100, 58030.
void write_result_file(const std::string& path, const std::vector<std::shared_ptr<const Bytes>>& blocks);

}  // namespace tajo::worker
