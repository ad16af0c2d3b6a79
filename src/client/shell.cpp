#include "shell.hpp"

#include <algorithm>
#include <cstdio>

#include "result_printer.hpp"
#include "statement_splitter.hpp"
#include "tajo/common/error.hpp"

namespace tajo::client {
namespace {

/// Byte offset of the character number `position` (1-based) of a UTF-8 text.
std::size_t byte_offset(const std::string& text, int position) {
  std::size_t i = 0;
  for (int left = position - 1; left > 0 && i < text.size(); --left) {
    ++i;
    while (i < text.size() && (text[i] & 0xC0) == 0x80) ++i;
  }
  return i;
}

std::size_t width_of(std::string_view text) {
  std::size_t n = 0;
  for (char c : text)
    if ((c & 0xC0) != 0x80) ++n;
  return n;
}

}  // namespace

void show_error(const StatementError& error, const std::string& sql) {
  std::fprintf(stderr, "ERROR: %s\n", error.message.c_str());
  if (error.position > 0) {
    std::size_t at = byte_offset(sql, error.position);
    std::size_t begin = at == 0 ? 0 : sql.rfind('\n', at - 1) + 1;  // npos + 1 = 0
    std::string line = sql.substr(begin, sql.find('\n', at) - begin);
    std::string mark = "LINE " + std::to_string(1 + std::count(sql.begin(), sql.begin() + static_cast<std::ptrdiff_t>(begin), '\n')) + ": ";
    constexpr std::size_t kContext = 60;
    std::size_t before = width_of(std::string_view(sql).substr(begin, at - begin));
    if (before > kContext) {
      std::size_t cut = byte_offset(line, static_cast<int>(before - kContext) + 1);
      line = "..." + line.substr(cut);
      before = kContext + 3;
    }
    line = line.substr(0, byte_offset(line, static_cast<int>(before + kContext)));
    std::fprintf(stderr, "%s%s\n%*s^\n", mark.c_str(), line.c_str(), static_cast<int>(mark.size() + before), "");
  }
  if (!error.detail.empty()) std::fprintf(stderr, "DETAIL: %s\n", error.detail.c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "HINT: %s\n", error.hint.c_str());
}

Shell::Shell(ConnectOptions options, bool terminal) : connection_(std::move(options)) {
  settings_.terminal = terminal;
  if (terminal) progress_ = std::make_unique<ProgressWatch>();
}

std::string Shell::copy_line() {
  LineSource::Line line = source_ == nullptr ? LineSource::Line{} : source_->next("");
  if (line.kind != LineSource::Line::Kind::kText || line.text == "\\.") return {};
  return line.text + "\n";
}

bool Shell::run_statement(const std::string& sql) {
  ResultPrinter printer(settings_, [this] {
    if (progress_) progress_->clear();
  });
  if (progress_) progress_->begin(connection_.session(), connection_.second_connection());
  StatementError error;
  bool good = connection_.run(
      sql, printer, [this] { return copy_line(); },
      [this] {
        if (progress_) progress_->tick();
      },
      error);
  std::string query_id = progress_ ? progress_->query_id() : "";
  if (progress_) progress_->end();
  if (good) return true;
  std::fflush(stdout);
  if (error.sqlstate == sqlstate::kQueryCanceled && !query_id.empty()) {
    std::fprintf(stderr, "KILL: %s\n", query_id.c_str());
  } else {
    show_error(error, sql);
  }
  return false;
}

bool Shell::run_lines(LineSource& source, bool interactive) {
  using State = StatementSplitter::State;
  StatementSplitter splitter;
  source_ = &source;
  bool all_good = true;
  auto run_ready = [&] {
    while (auto statement = splitter.next()) {
      source.remember(*statement + ";");
      all_good = run_statement(*statement) && all_good;
      if (!all_good && !interactive && settings_.stop_on_error()) return false;
    }
    return true;
  };
  while (!quit_) {
    State state = splitter.state();
    std::string prompt = state == State::kQuote ? "'> " : state == State::kStatement ? "> " : connection_.options().database + "> ";
    LineSource::Line line = source.next(prompt);
    if (line.kind == LineSource::Line::Kind::kInterrupted) {
      splitter.clear();
      continue;
    }
    if (line.kind == LineSource::Line::Kind::kEnd) break;
    if (state == State::kStart && trimmed(line.text).starts_with("\\")) {
      source.remember(line.text);
      all_good = meta_command(trimmed(line.text)) && all_good;
      if (!all_good && !interactive && settings_.stop_on_error()) return false;
      continue;
    }
    splitter.feed(line.text);
    if (!run_ready()) return false;
  }
  if (std::string rest = splitter.take_rest(); !rest.empty() && !quit_ && !interactive) all_good = run_statement(rest) && all_good;
  source_ = nullptr;
  return all_good;
}

bool Shell::run_script(LineSource& source) { return run_lines(source, false); }

void Shell::run_interactive(LineSource& source) {
  std::printf("Try \\? for help.\n");
  std::fflush(stdout);
  run_lines(source, true);
}

}  // namespace tajo::client
