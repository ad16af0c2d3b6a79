#pragma once
#include <string>

#include "router.hpp"
#include "tajo/master/client_service.hpp"

namespace tajo::http {

/// The recorded result of a query as JSON: {"query_id", "columns": [{"name", "type"}], "rows": [[…]]}. Integers, floats and
/// booleans are JSON's, NULL is null, everything else is text. 404 unknown, 403 another user's, 410 not kept any longer,
/// 413 larger than kMaxResultBytes. Needs a stack of kPlanningStackBytes. Any thread.
Response recorded_result(master::ClientService& service, const std::string& user, const std::string& query_id);

inline constexpr std::size_t kMaxResultBytes = std::size_t{16} << 20;

}  // namespace tajo::http
