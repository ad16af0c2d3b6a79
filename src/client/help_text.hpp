#pragma once
#include <string>

namespace tajo::client {

/// `\?`, or the usage of one command (named without its backslash). False when there is no such command.
bool show_help(const std::string& command);
const char* copyright_text();

}  // namespace tajo::client
