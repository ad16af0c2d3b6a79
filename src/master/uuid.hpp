#pragma once
#include <string>

#include "tajo/common/runtime.hpp"

namespace tajo::master {

/// A random (version 4) UUID.
std::string make_uuid(Runtime& runtime);

}  // namespace tajo::master
