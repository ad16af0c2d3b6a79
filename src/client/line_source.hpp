#pragma once
#include <memory>
#include <optional>
#include <string>

namespace tajo::client {

/// Lines from wherever statements come.
class LineSource {
 public:
  struct Line {
    enum class Kind { kText, kInterrupted, kEnd };
    Kind kind = Kind::kEnd;
    std::string text;
  };
  virtual ~LineSource() = default;
  virtual Line next(const std::string& prompt) = 0;
  /// A whole statement as it should be found again.
  virtual void remember(const std::string&) {}
};

/// A file or pipe. Throws Error 58030 when it cannot be opened; `-` is standard input.
std::unique_ptr<LineSource> open_file_source(const std::string& path);
/// Text given on the command line.
std::unique_ptr<LineSource> open_text_source(std::string text);
/// A terminal with line editing and the history of ~/.tajo_history.
std::unique_ptr<LineSource> open_terminal_source();

}  // namespace tajo::client
