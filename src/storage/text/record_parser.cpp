#include "text/record_parser.hpp"

#include <algorithm>

namespace tajo::storage::text {
namespace {

constexpr std::size_t kCompactAt = 1 << 20;

/// What a backslash and what follows stand for in COPY's text format.
void unescape(std::string_view in, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] != '\\' || i + 1 >= in.size()) {
      out += in[i];
      continue;
    }
    char c = in[++i];
    auto digit = [&](char d, int base) {
      int v = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : d >= 'A' && d <= 'F' ? d - 'A' + 10 : 99;
      return v < base ? v : -1;
    };
    switch (c) {
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'v': out += '\v'; break;
      case 'x': {
        int value = 0;
        int digits = 0;
        while (digits < 2 && i + 1 < in.size() && digit(in[i + 1], 16) >= 0) value = value * 16 + digit(in[++i], 16), ++digits;
        out += digits > 0 ? static_cast<char>(value) : 'x';
        break;
      }
      default:
        if (digit(c, 8) >= 0) {
          int value = digit(c, 8);
          for (int k = 0; k < 2 && i + 1 < in.size() && digit(in[i + 1], 8) >= 0; ++k) value = value * 8 + digit(in[++i], 8);
          out += static_cast<char>(value & 0xFF);
        } else {
          out += c;
        }
    }
  }
}

}  // namespace

RecordParser::RecordParser(const data::Schema& schema, const Syntax& syntax, std::vector<int> wanted, std::string place)
    : syntax_(syntax), wanted_(std::move(wanted)), place_(std::move(place)), header_left_(syntax.header_lines) {
  sink_of_.assign(schema.columns.size(), -1);
  int positions = 0;
  for (int w : wanted_) positions = std::max(positions, w + 1);
  std::vector<const data::Column*> by_position(static_cast<std::size_t>(positions));
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const data::Column& c = schema.columns[i];
    names_.push_back(c.name);
    text_column_.push_back(data::physical_of(c.type) == data::Physical::kStr);
    if (wanted_[i] < 0) continue;
    sink_of_[i] = wanted_[i];
    by_position[static_cast<std::size_t>(wanted_[i])] = &c;
  }
  for (const data::Column* c : by_position) {
    TAJO_ASSERT(c != nullptr);
    sinks_.emplace_back(*c);
  }
}

void RecordParser::start(std::uint64_t offset, std::uint64_t limit) {
  base_ = offset;
  limit_ = limit;
  if (offset > 0) header_left_ = 0;
}

void RecordParser::fail(std::string_view state, const std::string& message, const std::string& column) const {
  throw Error(state, message + " (" + place_ + "line " + std::to_string(line_) +
                         (column.empty() ? "" : ", column \"" + column + "\"") + ")");
}

/// Position of the newline that ends the record at position_, or of the end of the data.
std::optional<std::size_t> RecordParser::record_end() const {
  const char* begin = buffer_.data() + position_;
  const char* end = buffer_.data() + buffer_.size();
  const char* p = begin;
  bool quoted = false;
  while (p < end) {
    if (syntax_.escapes == Syntax::Escapes::kNone) {
      p = static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p)));
      if (p == nullptr) break;
      return static_cast<std::size_t>(p - buffer_.data());
    }
    if (syntax_.escapes == Syntax::Escapes::kBackslash) {
      if (*p == '\\') {
        p += 2;
        continue;
      }
      if (*p == '\n') return static_cast<std::size_t>(p - buffer_.data());
      ++p;
      continue;
    }
    if (quoted && *p == syntax_.escape && syntax_.escape != syntax_.quote) {
      p += 2;
      continue;
    }
    if (*p == syntax_.quote) quoted = !quoted;
    if (*p == '\n' && !quoted) return static_cast<std::size_t>(p - buffer_.data());
    ++p;
  }
  if (!ended_) {
    if (buffer_.size() - position_ > kMaxRecordBytes)
      fail("54000", "a record is longer than " + std::to_string(kMaxRecordBytes) + " bytes", "");
    return std::nullopt;
  }
  if (quoted) fail("22P04", "unterminated CSV quoted field", "");
  return buffer_.size();
}

bool RecordParser::next_field(std::string_view& rest, Field& field) {
  const std::string& d = syntax_.delimiter;
  field.quoted = false;
  auto cut = [&](std::size_t end) {
    bool more = end < rest.size();
    rest = more ? rest.substr(end + d.size()) : std::string_view();
    return more;
  };
  auto at_delimiter = [&](std::size_t i) { return rest[i] == d[0] && rest.compare(i, d.size(), d) == 0; };
  if (syntax_.escapes == Syntax::Escapes::kBackslash) {
    std::size_t i = 0;
    bool escaped = false;
    while (i < rest.size() && !at_delimiter(i)) {
      escaped = escaped || rest[i] == '\\';
      i += rest[i] == '\\' ? 2 : 1;
    }
    i = std::min(i, rest.size());
    field.text = rest.substr(0, i);
    if (escaped && field.text != syntax_.null) {
      unescape(field.text, scratch_);
      field.text = scratch_;
      field.quoted = true;  // an escaped text is not the NULL marker, whatever it comes out as
    }
    return cut(i);
  }
  if (syntax_.escapes == Syntax::Escapes::kNone || rest.find(syntax_.quote) == std::string_view::npos) {
    std::size_t i = rest.find(d);
    i = std::min(i, rest.size());
    field.text = rest.substr(0, i);
    return cut(i);
  }
  // PostgreSQL lets quoting begin and end anywhere in a field.
  scratch_.clear();
  bool quoted = false;
  std::size_t i = 0;
  for (; i < rest.size(); ++i) {
    char c = rest[i];
    if (quoted) {
      if (c == syntax_.escape && i + 1 < rest.size() && (rest[i + 1] == syntax_.quote || rest[i + 1] == syntax_.escape)) {
        scratch_ += rest[++i];
      } else if (c == syntax_.quote) {
        quoted = false;
      } else {
        scratch_ += c;
      }
    } else if (c == syntax_.quote) {
      quoted = true;
      field.quoted = true;
    } else if (at_delimiter(i)) {
      break;
    } else {
      scratch_ += c;
    }
  }
  field.text = scratch_;
  return cut(i);
}

void RecordParser::put(std::size_t column, const Field& field) {
  if (sink_of_[column] < 0) return;
  ColumnSink& sink = sinks_[static_cast<std::size_t>(sink_of_[column])];
  bool null = !field.quoted && field.text == syntax_.null && !(syntax_.empty_is_null && field.text.empty() && text_column_[column]);
  if (!null && syntax_.empty_is_null && !field.quoted && field.text.empty() && !text_column_[column]) null = true;
  if (null) {
    sink.set_null(rows_);
    return;
  }
  try {
    sink.set_text(rows_, field.text, arena_);
  } catch (const Error& e) {
    fail(e.sqlstate(), e.message(), names_[column]);
  }
}

void RecordParser::parse_record(std::string_view record) {
  Field field;
  bool more = true;
  for (std::size_t column = 0; column < names_.size(); ++column) {
    if (!more) fail("22P04", "missing data for column \"" + names_[column] + "\"", names_[column]);
    more = next_field(record, field);
    put(column, field);
  }
  if (more && !(syntax_.trailing_delimiter && record.empty()))
    fail("22P04", "extra data after last expected column", "");
}

std::size_t RecordParser::after_newline(std::size_t end) const { return end < buffer_.size() ? end + 1 : end; }

/// Parses records until the batch is full (true) or bytes are missing or nothing is left.
bool RecordParser::fill() {
  while (rows_ < data::kVectorRows) {
    if (base_ + position_ >= limit_ || (ended_ && position_ >= buffer_.size())) {
      done_ = true;
      return false;
    }
    auto end = record_end();
    if (!end) return false;
    std::string_view record(buffer_.data() + position_, *end - position_);
    if (record.ends_with('\r')) record.remove_suffix(1);
    if (base_ == 0 && position_ == 0 && record.starts_with("\xEF\xBB\xBF")) record.remove_prefix(3);
    if (syntax_.end_marker && record == "\\.") {
      done_ = true;
      return false;
    }
    // An empty line is a row of one column, and no row of several.
    bool row = header_left_ == 0 && !(record.empty() && names_.size() > 1 && syntax_.escapes != Syntax::Escapes::kBackslash);
    if (row) {
      try {
        parse_record(record);
        ++rows_;
      } catch (const Error&) {
        if (tolerated_ == 0) throw;
        if (tolerated_ > 0) --tolerated_;
      }
    }
    if (header_left_ > 0) --header_left_;
    line_ += 1 + (syntax_.escapes == Syntax::Escapes::kNone
                      ? 0
                      : static_cast<std::uint64_t>(std::count(record.begin(), record.end(), '\n')));
    position_ = after_newline(*end);
  }
  return true;
}

void RecordParser::compact() {
  if (position_ < kCompactAt && position_ < buffer_.size()) return;
  buffer_.erase(0, position_);
  base_ += position_;
  position_ = 0;
}

bool RecordParser::next(data::Batch& out) {
  if (done_ && !batch_open_) return false;
  if (!batch_open_) {
    arena_.reset();
    for (ColumnSink& s : sinks_) s.begin(arena_);
    rows_ = 0;
    batch_open_ = true;
  }
  bool full = !done_ && fill();
  compact();
  if (!full && !done_) return false;
  batch_open_ = false;
  if (rows_ == 0) return false;
  out.columns.clear();
  for (const ColumnSink& s : sinks_) out.columns.push_back(s.vector());
  out.rows = rows_;
  out.selection = {nullptr, rows_};
  out.arena = &arena_;
  out.first_row_id = 0;
  return true;
}

std::vector<std::string> RecordParser::fields_of(std::string_view record, const Syntax& syntax) {
  RecordParser parser(data::Schema{}, syntax, {}, "");
  std::vector<std::string> out;
  if (record.ends_with('\r')) record.remove_suffix(1);
  Field field;
  bool more = true;
  while (more) {
    more = parser.next_field(record, field);
    out.emplace_back(field.text);
  }
  return out;
}

}  // namespace tajo::storage::text
