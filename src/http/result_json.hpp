#pragma once
#include <string>

#include "message.hpp"
#include "tajo/master/client_service.hpp"

namespace tajo::http {

inline constexpr std::size_t kMaxResultBytes = std::size_t{16} << 20;

/// Rows as JSON text: `"columns":[{"name","type"}],"rows":[[…]]`. Integers, floats and booleans are JSON's, NULL is null,
/// everything else is text. Error 54000 when they are more than kMaxResultBytes.
class RowsJson : public master::ResultSink {
 public:
  void columns(std::span<const data::Column> columns) override;
  void rows(const data::Batch& batch) override;
  void complete(const std::string&) override;
  void notice(const std::string&, const Error&) override {}
  void parameter_status(const std::string&, const std::string&) override {}

  const std::string& text() const { return text_; }  ///< empty: no rows, not even none

 private:
  std::string text_;
  std::vector<data::Column> columns_;
  bool first_ = true;
};

/// The recorded result of a query as JSON, `query_id` before RowsJson's. 404 unknown or without rows, 403 another user's,
/// 410 not kept any longer, 413 larger than kMaxResultBytes. Needs a stack of kPlanningStackBytes. Any thread.
Response recorded_result(master::ClientService& service, const std::string& user, const std::string& query_id);

}  // namespace tajo::http
