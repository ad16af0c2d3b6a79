#pragma once
#include <string>

#include "tajo/common/error.hpp"

namespace tajo::storage {

/// Error of a failed system call on `path`: 53100 when the disk is full, 58P01 when nothing is there, 42501 when it
/// is forbidden, else 58030. `what`: "read", "write", …
Error io_error(const std::string& what, const std::string& path, int error_number);
/// XX001 naming the file and the place in it.
Error corrupt(const std::string& path, const std::string& what);

}  // namespace tajo::storage
