#include "tajo/storage/write.hpp"
#include "text/record_parser.hpp"

namespace tajo::storage {
namespace {

text::Syntax syntax_of(const CopyFormat& format) {
  text::Syntax s;
  s.escapes = format.csv ? text::Syntax::Escapes::kQuotes : text::Syntax::Escapes::kBackslash;
  s.delimiter = std::string(1, format.delimiter);
  s.quote = format.quote;
  s.escape = format.escape;
  s.null = format.null;
  s.header_lines = format.header ? 1 : 0;
  return s;
}

std::vector<int> all_columns(const data::Schema& schema) {
  std::vector<int> wanted;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) wanted.push_back(static_cast<int>(i));
  return wanted;
}

class Parser : public CopyParser {
 public:
  Parser(const data::Schema& schema, const CopyFormat& format)
      : records_(schema, syntax_of(format), all_columns(schema), "") {}
  void feed(std::string_view bytes) override { records_.feed(bytes); }
  void end() override { records_.end(); }
  bool next(data::Batch& out) override { return records_.next(out); }
  std::uint64_t line() const override { return records_.line(); }

 private:
  text::RecordParser records_;
};

}  // namespace

std::unique_ptr<CopyParser> make_copy_parser(const data::Schema& schema, const CopyFormat& format) {
  return std::make_unique<Parser>(schema, format);
}

}  // namespace tajo::storage
