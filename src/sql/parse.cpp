#include "parsed_statement.hpp"
#include "script.hpp"

namespace tajo::sql {

std::shared_ptr<const ParsedStatement> parse(const StatementText& source) {
  auto parsed = std::make_shared<ParsedStatement>(source);
  if (!is_valid_utf8(parsed->text)) throw Error("22021", "invalid byte sequence for encoding \"UTF8\"");
  try {
    check_limits(parsed->text);
    Skeleton skeleton = take_tajo_words(parsed->text);
    parsed->words = std::move(skeleton.words);
    const TajoWords& words = parsed->words;
    if (words.use_database || !words.unsupported.empty()) return parsed;
    if (words.typed_query_begin >= 0) {
      const auto cut = static_cast<std::size_t>(words.typed_query_begin);
      parsed->query = ParseTree::parse(std::string(cut, ' ') + skeleton.text.substr(cut));
      skeleton.text.resize(cut);
    }
    parsed->tree = ParseTree::parse(skeleton.text);
  } catch (Error& e) {
    throw e.at(e.position() == 0 ? 0 : parsed->positions.of(e.position() - 1));
  }
  return parsed;
}

}  // namespace tajo::sql
