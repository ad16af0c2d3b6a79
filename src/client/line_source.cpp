#include "line_source.hpp"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tajo/common/error.hpp"

namespace tajo::client {
namespace {

class StreamSource : public LineSource {
 public:
  explicit StreamSource(std::unique_ptr<std::istream> owned) : owned_(std::move(owned)), in_(*owned_) {}
  explicit StreamSource(std::istream& in) : in_(in) {}
  Line next(const std::string&) override {
    Line line;
    if (!std::getline(in_, line.text)) return line;
    if (!line.text.empty() && line.text.back() == '\r') line.text.pop_back();
    line.kind = Line::Kind::kText;
    return line;
  }

 private:
  std::unique_ptr<std::istream> owned_;
  std::istream& in_;
};

}  // namespace

std::unique_ptr<LineSource> open_file_source(const std::string& path) {
  if (path == "-") return std::make_unique<StreamSource>(std::cin);
  auto file = std::make_unique<std::ifstream>(path);
  if (!*file) throw Error(sqlstate::kIoError, "cannot read file " + path);
  return std::make_unique<StreamSource>(std::move(file));
}

std::unique_ptr<LineSource> open_text_source(std::string text) {
  return std::make_unique<StreamSource>(std::make_unique<std::istringstream>(std::move(text)));
}

}  // namespace tajo::client
