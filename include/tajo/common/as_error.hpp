#pragma once
#include <exception>
#include <new>

#include "tajo/common/error.hpp"

namespace tajo {

/// What a statement or a task is told of any exception: an Error as it is, missing memory as 53200, else XX000.
inline Error as_error(const std::exception& e) {
  if (const auto* error = dynamic_cast<const Error*>(&e)) return *error;
  if (dynamic_cast<const std::bad_alloc*>(&e) != nullptr) return Error(sqlstate::kOutOfMemory, "out of memory");
  return Error(sqlstate::kInternalError, e.what());
}

}  // namespace tajo
