#include "result_printer.hpp"

#include <libpq-fe.h>

#include <cstdio>

#include "tajo/common/clock.hpp"

namespace tajo::client {
namespace {

constexpr std::size_t kHeldBytes = 4 << 20;  // as much as the cluster completes before it sends the first row
constexpr const char* kRule = "-------------------------------";

}  // namespace

std::string readable_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  static constexpr char kUnits[] = "KMGTPE";
  double value = static_cast<double>(bytes);
  int unit = -1;
  while (value >= 1024 && unit < 5) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %ciB", value, kUnits[unit]);
  return text;
}

ResultPrinter::ResultPrinter(const ShellSettings& settings, std::function<void()> before_output)
    : settings_(settings), before_output_(std::move(before_output)), start_us_(boottime_us()) {}

void ResultPrinter::columns(const pg_result* result) {
  has_columns_ = true;
  names_.clear();
  for (int i = 0; i < PQnfields(result); ++i) names_.emplace_back(PQfname(result, i));
}

void ResultPrinter::put_row(const pg_result* result, int row) {
  std::string line;
  if (settings_.expanded) line = "-[ RECORD " + std::to_string(rows_) + " ]-------------\n";
  std::size_t width = 0;
  for (const std::string& name : names_) width = std::max(width, name.size());
  for (int i = 0; i < PQnfields(result); ++i) {
    std::string value = PQgetisnull(result, row, i) == 1 ? settings_.null_text() : std::string(PQgetvalue(result, row, i));
    bytes_ += static_cast<std::uint64_t>(PQgetlength(result, row, i));
    if (settings_.expanded) {
      const std::string& name = names_[static_cast<std::size_t>(i)];
      line += name + std::string(width - name.size(), ' ') + " | " + value + "\n";
    } else {
      if (i > 0) line += ",  ";
      line += value;
    }
  }
  if (!settings_.expanded) line.push_back('\n');
  held_bytes_ += line.size();
  held_.push_back(std::move(line));
}

void ResultPrinter::row(const pg_result* result, int row) {
  ++rows_;
  if (quit_) return;
  put_row(result, row);
  if (held_bytes_ > kHeldBytes) show(false);
}

bool ResultPrinter::page_break() {
  if (!settings_.terminal || !settings_.paging() || printed_ == 0 || printed_ % settings_.page_rows() != 0) return true;
  std::printf("(%llu/%llu rows, continue... 'q' is quit)", static_cast<unsigned long long>(printed_), static_cast<unsigned long long>(rows_));
  std::fflush(stdout);
  bool go_on = true;
  for (int c = std::getchar(); c != '\n'; c = std::getchar()) {
    if (c == 'q' || c == EOF) go_on = false;
    if (c == EOF) break;
  }
  return go_on;
}

void ResultPrinter::show(bool complete) {
  if (before_output_) before_output_();
  if (!complete || !held_.empty()) shown_ = true;
  if (!header_shown_ && !settings_.expanded) {
    for (std::size_t i = 0; i < names_.size(); ++i) std::printf("%s%s", i > 0 ? ",  " : "", names_[i].c_str());
    std::printf("\n%s\n", kRule);
  }
  header_shown_ = true;
  for (const std::string& line : held_) {
    if (!page_break()) {
      quit_ = true;
      break;
    }
    std::fwrite(line.data(), 1, line.size(), stdout);
    ++printed_;
  }
  held_.clear();
  held_bytes_ = 0;
}

void ResultPrinter::complete(const std::string& tag) {
  double seconds = static_cast<double>(boottime_us() - start_us_) / 1e6;
  if (has_columns_) {
    show(true);
    std::printf("(%llu rows, %.3f sec, %s selected)\n", static_cast<unsigned long long>(rows_), seconds, readable_bytes(bytes_).c_str());
  } else {
    if (before_output_) before_output_();
    std::size_t blank = tag.rfind(' ');
    bool counts = blank != std::string::npos && tag.find_first_not_of("0123456789", blank + 1) == std::string::npos;
    if (counts) {  // INSERT, COPY, CREATE TABLE AS
      std::printf("(%s rows, %.3f sec, inserted)\n", tag.c_str() + blank + 1, seconds);
    } else {
      std::printf("OK\n");
    }
  }
  if (settings_.timing) std::printf("Time: %.3f ms\n", seconds * 1000);
  std::fflush(stdout);
  shown_ = true;
  start_us_ = boottime_us();
  // the next statement of the same text
  has_columns_ = header_shown_ = quit_ = false;
  rows_ = bytes_ = printed_ = 0;
}

void ResultPrinter::reset() {
  held_.clear();
  held_bytes_ = 0;
  rows_ = bytes_ = printed_ = 0;
  has_columns_ = header_shown_ = quit_ = false;
}

}  // namespace tajo::client
