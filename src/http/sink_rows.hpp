#pragma once
#include <vector>

#include "tajo/data/load.hpp"
#include "tajo/master/client_service.hpp"

namespace tajo::http {

/// The rows of a small answer as values, for who looks into them.
class SinkRows final : public master::ResultSink {
 public:
  void columns(std::span<const data::Column> columns) override { columns_.assign(columns.begin(), columns.end()); }
  void rows(const data::Batch& batch) override {
    for (std::uint32_t i = 0; i < batch.selection.count; ++i) {
      auto& row = values.emplace_back();
      for (std::size_t c = 0; c < columns_.size(); ++c) row.push_back(data::value_at(batch.columns[c], batch.selection[i], columns_[c].type));
    }
  }
  void complete(const std::string&) override {}
  void notice(const std::string&, const Error&) override {}
  void parameter_status(const std::string&, const std::string&) override {}

  std::vector<std::vector<data::Value>> values;

 private:
  std::vector<data::Column> columns_;
};

}  // namespace tajo::http
