#pragma once
#include <string_view>

namespace tajo {

/// Named places where tests make a process fail at one certain moment. Nothing is set in service: then a call costs one
/// load. `TAJO_FAILPOINT=NAME:N[:FILE]`, read once: the Nth call of failpoint("NAME") in this process is true, all
/// others are false. With FILE a call counts only while that file exists, and the true one removes it: a test arms one
/// process of a whole cluster by making the file. Any thread.
bool failpoint(std::string_view name);

/// Whether the environment names this failpoint, armed or not: for what must be watched before it fires.
bool failpoint_named(std::string_view name);

}  // namespace tajo
