// Line editing on libedit.
#include <histedit.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "line_source.hpp"
#include "statement_splitter.hpp"

namespace tajo::client {
namespace {

constexpr int kHistoryLines = 1000;

std::string history_path() {
  const char* home = std::getenv("HOME");
  return home == nullptr ? "" : std::string(home) + "/.tajo_history";
}

class TerminalSource : public LineSource {
 public:
  TerminalSource() : edit_(el_init("tsql", stdin, stdout, stderr)), history_(history_init()) {
    HistEvent event;
    ::history(history_, &event, H_SETSIZE, kHistoryLines);
    ::history(history_, &event, H_SETUNIQUE, 1);
    if (std::string path = history_path(); !path.empty()) ::history(history_, &event, H_LOAD, path.c_str());
    el_set(edit_, EL_CLIENTDATA, this);
    el_set(edit_, EL_PROMPT, &TerminalSource::prompt_of);
    el_set(edit_, EL_EDITOR, "emacs");
    el_set(edit_, EL_HIST, ::history, history_);
    el_set(edit_, EL_SIGNAL, 0);
    el_set(edit_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    // A Ctrl-D that was typed before the terminal gave up its line mode arrives as a NUL, which would be part of the line.
    el_set(edit_, EL_BIND, "^@", "em-delete-or-list", nullptr);
    el_source(edit_, nullptr);
  }
  ~TerminalSource() override {
    HistEvent event;
    if (std::string path = history_path(); !path.empty()) {
      mode_t before = ::umask(0077);  // statements may hold secrets
      ::history(history_, &event, H_SAVE, path.c_str());
      ::umask(before);
    }
    history_end(history_);
    el_end(edit_);
  }
  TerminalSource(const TerminalSource&) = delete;
  TerminalSource& operator=(const TerminalSource&) = delete;

  Line next(const std::string& prompt) override {
    prompt_ = prompt;
    int count = 0;
    errno = 0;
    const char* text = el_gets(edit_, &count);
    if (text == nullptr || count <= 0) {
      Line::Kind kind = count < 0 && errno == EINTR ? Line::Kind::kInterrupted : Line::Kind::kEnd;
      if (kind == Line::Kind::kInterrupted) el_reset(edit_);
      std::fputc('\n', stdout);
      return {kind, {}};
    }
    std::string line(text, static_cast<std::size_t>(count));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    return {Line::Kind::kText, std::move(line)};
  }

  void remember(const std::string& statement) override {
    std::string one_line = trimmed(statement);
    for (char& c : one_line)
      if (c == '\n') c = ' ';
    HistEvent event;
    if (!one_line.empty()) ::history(history_, &event, H_ENTER, one_line.c_str());
  }

 private:
  static char* prompt_of(EditLine* edit) {
    TerminalSource* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return self->prompt_.data();
  }

  EditLine* edit_;
  History* history_;
  std::string prompt_;
};

}  // namespace

std::unique_ptr<LineSource> open_terminal_source() { return std::make_unique<TerminalSource>(); }

}  // namespace tajo::client
