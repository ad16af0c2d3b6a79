#pragma once
#include <string>

namespace tajo::master {

/// A random (version 4) UUID from the system's generator.
std::string make_uuid();

}  // namespace tajo::master
