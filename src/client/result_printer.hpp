#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cluster_connection.hpp"
#include "shell_settings.hpp"

namespace tajo::client {

/// `0 B`, `1.5 KiB`
std::string readable_bytes(std::uint64_t bytes);

/// Prints results in Tajo's form: names joined by `,  `, a rule of 31 dashes, rows joined alike, a summary. Rows are
/// held back (up to a bound) until the result is complete, so that a statement can be sent again after a lost
/// connection with nothing shown twice.
class ResultPrinter : public ResultReceiver {
 public:
  /// `before_output`: clears the progress bar.
  ResultPrinter(const ShellSettings& settings, std::function<void()> before_output);
  void columns(const pg_result* result) override;
  void row(const pg_result* result, int row) override;
  void complete(const std::string& tag) override;
  bool shown() const override { return shown_; }
  void reset() override;

 private:
  void put_row(const pg_result* result, int row);
  void show(bool complete);
  bool page_break();

  const ShellSettings& settings_;
  std::function<void()> before_output_;
  std::vector<std::string> names_;
  std::vector<std::string> held_;  ///< printed forms of rows
  std::size_t held_bytes_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t printed_ = 0;
  bool has_columns_ = false;
  bool header_shown_ = false;
  bool shown_ = false;
  bool quit_ = false;   ///< the reader has seen enough
  std::int64_t start_us_;
};

}  // namespace tajo::client
