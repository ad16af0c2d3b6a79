#pragma once
#include <string>
#include <vector>

namespace tajo::client {

/// The SQL shell. `arguments` without the program's name; the whole process belongs to it (terminal, SIGINT).
/// Returns the exit status: 0, 1 after an error, 2 for wrong arguments or no connection.
int run_tsql(const std::vector<std::string>& arguments);

}  // namespace tajo::client
