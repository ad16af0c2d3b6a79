#pragma once
#include <string_view>

#include "tajo/sql/parser.hpp"

namespace tajo::sql {

/// Error 54001 when the statement is too long, nested too deeply or chains too many operators; its position is a
/// byte + 1. Runs before libpg_query, whose recursion has no bound of its own.
void check_limits(std::string_view text);

}  // namespace tajo::sql
