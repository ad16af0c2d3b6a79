#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <array>
#include <charconv>
#include <map>
#include <mutex>
#include <utility>

#include "io_error.hpp"
#include "source.hpp"
#include "tajo/data/text.hpp"
#include "text/record_parser.hpp"

namespace tajo::storage {
namespace {

using text::RecordParser;
using text::Syntax;

constexpr std::uint64_t kBlockBytes = std::uint64_t{4} << 20;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::uint64_t kGuessedRowBytes = 64;
constexpr std::size_t kInferredRecords = 1000;

/// An open file, read from anywhere.
class ReadableFile {
 public:
  explicit ReadableFile(std::string path) : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw io_error("open", path_, errno);
  }
  ~ReadableFile() { ::close(fd_); }
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;

  /// Fewer bytes than asked for only at the end of the file.
  std::string_view read(std::uint64_t offset, std::size_t bytes, std::string& buffer) const {
    buffer.resize(bytes);
    std::size_t done = 0;
    while (done < bytes) {
      ssize_t n = pread(fd_, buffer.data() + done, bytes - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw io_error("read", path_, errno);
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return std::string_view(buffer).substr(0, done);
  }
  /// Calls f(piece) for [begin, end).
  template <class F>
  void for_pieces(std::uint64_t begin, std::uint64_t end, F&& f) const {
    std::string buffer;
    while (begin < end) {
      std::string_view piece = read(begin, static_cast<std::size_t>(std::min<std::uint64_t>(kReadBytes, end - begin)), buffer);
      if (piece.empty()) return;
      f(piece);
      begin += piece.size();
    }
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_;
};

/// `\t`, `\u0001` and the like in option values.
std::string unescaped(const std::string& value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 >= value.size()) {
      out += value[i];
      continue;
    }
    char c = value[++i];
    unsigned code = 0;
    if (c == 't') {
      out += '\t';
    } else if (c == 'u' && i + 4 < value.size() &&
               std::from_chars(&value[i + 1], &value[i + 1] + 4, code, 16).ptr == &value[i + 1] + 4) {
      i += 4;
      if (code < 0x80) {
        out += static_cast<char>(code);
      } else if (code < 0x800) {
        out += static_cast<char>(0xC0 | (code >> 6));
        out += static_cast<char>(0x80 | (code & 0x3F));
      } else {
        out += static_cast<char>(0xE0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (code & 0x3F));
      }
    } else {
      out += '\\';
      out += c;
    }
  }
  return out;
}

std::int64_t integer_option(const data::TableSource& source, const std::string& key) {
  std::string text = option(source, key, "0");
  std::int64_t v = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (failed != std::errc() || end != text.data() + text.size())
    throw Error(sqlstate::kInvalidParameter, "option '" + key + "' is not a number: \"" + text + "\"");
  return v;
}

Syntax syntax_of(const data::TableSource& source, bool csv) {
  Syntax s;
  s.delimiter = unescaped(option(source, "text.delimiter", option(source, "csvfile.delimiter", csv ? "," : "|")));
  s.null = unescaped(option(source, "text.null", option(source, "csvfile.null", "")));
  std::string quote = option(source, "quote_char", option(source, "text.quote_char", csv ? "\"" : ""));
  std::string escape = option(source, "escape_char", option(source, "text.escape_char", quote));
  if (s.delimiter.empty() || s.delimiter.find('\n') != std::string::npos || quote.size() > 1 || escape.size() > 1)
    throw Error(sqlstate::kInvalidParameter,
                "text.delimiter must be one or more characters of a line, quote_char and escape_char one each");
  s.escapes = quote.empty() ? Syntax::Escapes::kNone : Syntax::Escapes::kQuotes;
  if (!quote.empty()) s.quote = quote[0];
  if (!escape.empty()) s.escape = escape[0];
  s.header_lines = static_cast<std::uint32_t>(std::max<std::int64_t>(0, integer_option(source, "text.skip.headerlines")));
  std::string header = option(source, "csv.header", option(source, "header", "false"));
  if (s.header_lines == 0 && data::parse_bool(header)) s.header_lines = 1;
  s.end_marker = false;
  s.empty_is_null = !csv;
  s.trailing_delimiter = !csv;
  return s;
}

/// A record may span lines and blocks when it is quoted: whether a block begins inside quotes follows from the number
/// of quotes before it, counted once a file.
class QuoteCounts {
 public:
  bool odd_before(const ReadableFile& file, const data::FragmentInfo& fragment, char quote, std::uint64_t block) {
    std::string key = fragment.path + '\0' + std::to_string(fragment.bytes) + ' ' + std::to_string(fragment.mtime_us) + quote;
    {
      std::lock_guard lock(mutex_);
      auto it = odd_.find(key);
      if (it != odd_.end() && it->second.size() > block) return it->second[block];
    }
    std::vector<bool> odd{false};
    bool now = false;
    for (std::uint64_t at = 0; at < fragment.bytes; at += kBlockBytes) {
      file.for_pieces(at, std::min(fragment.bytes, at + kBlockBytes), [&](std::string_view piece) {
        now = now != (std::count(piece.begin(), piece.end(), quote) % 2 == 1);
      });
      odd.push_back(now);
    }
    std::lock_guard lock(mutex_);
    if (odd_.size() >= kMaxFiles) odd_.clear();
    return (odd_[key] = std::move(odd))[block];
  }

 private:
  static constexpr std::size_t kMaxFiles = 4096;
  std::mutex mutex_;
  std::map<std::string, std::vector<bool>> odd_;
};

std::vector<int> wanted_columns(const ScanRequest& request) {
  std::vector<int> wanted(request.source.schema.columns.size(), -1);
  for (std::size_t i = 0; i < request.columns.size(); ++i)
    if (wanted[request.columns[i]] < 0) wanted[request.columns[i]] = static_cast<int>(i);
  return wanted;
}

class TextReader : public SplitReader {
 public:
  TextReader(std::shared_ptr<const ScanRequest> request, const data::Split& split, const Syntax& syntax, QuoteCounts& counts)
      : request_(std::move(request)), fragment_(split.fragment), info_(request_->fragments[split.fragment]),
        file_(info_.path), syntax_(syntax),
        parser_(request_->source.schema, syntax, wanted_columns(*request_), "file \"" + info_.path + "\", ") {
    for (std::uint32_t c : request_->columns)
      if (std::count(request_->columns.begin(), request_->columns.end(), c) != 1)
        throw Error(sqlstate::kInternalError, "a column is asked for twice");
    std::uint64_t begin = std::uint64_t{split.first_block} * kBlockBytes;
    end_ = std::min(info_.bytes, begin + std::uint64_t{split.blocks} * kBlockBytes);
    position_ = begin == 0 ? 0 : first_record(begin, split.first_block, counts);
    first_ = position_;
    parser_.start(position_, end_);
    parser_.tolerate(integer_option(request_->source, "text.error-tolerance.max-num"));
  }

  bool next(data::Batch& out) override {
    try {
      while (!parser_.next(out)) {
        if (parser_.done() || position_ > end_ + text::kMaxRecordBytes) return false;
        std::string_view bytes = file_.read(position_, kReadBytes, buffer_);
        if (bytes.size() < kReadBytes && position_ + bytes.size() < info_.bytes)
          throw corrupt(info_.path, "it ends at byte " + std::to_string(position_ + bytes.size()) + " of " +
                                        std::to_string(info_.bytes));
        parser_.feed(bytes);
        position_ += bytes.size();
        if (bytes.size() < kReadBytes) parser_.end();
      }
    } catch (const Error& e) {
      rethrow_with_line(e);
    }
    out.first_row_id = std::uint64_t{fragment_} << 40 | rows_;
    rows_ += out.rows;
    return true;
  }

  std::uint64_t bytes_read() const override { return position_ - first_; }

 private:
  /// Offset of the first record that begins at or after `begin`.
  std::uint64_t first_record(std::uint64_t begin, std::uint64_t block, QuoteCounts& counts) {
    std::string one;
    bool quoting = syntax_.escapes == Syntax::Escapes::kQuotes;
    bool quoted = quoting && counts.odd_before(file_, info_, syntax_.quote, block);
    if (file_.read(begin - 1, 1, one) == std::string_view("\n") && !quoted) return begin;
    std::uint64_t at = begin;
    std::uint64_t found = end_;
    bool done = false;
    file_.for_pieces(begin, end_, [&](std::string_view piece) {
      for (std::size_t i = 0; i < piece.size() && !done; ++i) {
        if (quoting && piece[i] == syntax_.quote) quoted = !quoted;
        if (piece[i] != '\n' || quoted) continue;
        found = at + i + 1;
        done = true;
      }
      at += piece.size();
    });
    return found;
  }

  /// The parser counts lines from the start of the split; a message counts from the start of the file.
  [[noreturn]] void rethrow_with_line(const Error& e) {
    if (first_ == 0) throw e;
    std::uint64_t before = 0;
    file_.for_pieces(0, first_, [&](std::string_view p) { before += static_cast<std::uint64_t>(std::count(p.begin(), p.end(), '\n')); });
    std::string message = e.message();
    std::string counted = "line " + std::to_string(parser_.line());
    std::size_t at = message.rfind(counted);
    if (at != std::string::npos) message.replace(at, counted.size(), "line " + std::to_string(parser_.line() + before));
    throw Error(e.sqlstate(), message);
  }

  std::shared_ptr<const ScanRequest> request_;
  std::uint32_t fragment_;
  const data::FragmentInfo& info_;
  ReadableFile file_;
  Syntax syntax_;
  RecordParser parser_;
  std::string buffer_;
  std::uint64_t position_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t rows_ = 0;
};

/// The narrowest of a few types that reads all texts seen so far.
class GuessedType {
 public:
  void see(const std::string& text, const Syntax& syntax) {
    if (text.empty() || text == syntax.null) return;
    seen_ = true;
    while (candidate_ < kCandidates.size()) {
      try {
        data::parse_value(text, data::Type::of(kCandidates[candidate_]));
        return;
      } catch (const Error&) {
        ++candidate_;
        restart_ = true;
      }
    }
  }
  /// A wider type must read the earlier texts too.
  bool take_restart() { return std::exchange(restart_, false); }
  data::Type type() const {
    return data::Type::of(seen_ && candidate_ < kCandidates.size() ? kCandidates[candidate_] : data::TypeId::kText);
  }

 private:
  static constexpr std::array<data::TypeId, 4> kCandidates = {data::TypeId::kInt8, data::TypeId::kFloat8,
                                                             data::TypeId::kDate, data::TypeId::kTimestamp};
  std::size_t candidate_ = 0;
  bool seen_ = false;
  bool restart_ = false;
};

class TextFormat : public ExternalFormat {
 public:
  explicit TextFormat(bool csv) : csv_(csv) {}

  std::vector<data::Split> splits(const ScanRequest& request, std::uint32_t index, std::uint64_t target_rows) override {
    const data::FragmentInfo& info = request.fragments[index];
    Syntax syntax = syntax_of(request.source, csv_);
    auto blocks = static_cast<std::uint32_t>((info.bytes + kBlockBytes - 1) / kBlockBytes);
    auto per_split = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(target_rows * kGuessedRowBytes / kBlockBytes, 1, blocks == 0 ? 1 : blocks));
    // With an escape of its own, whether a quote opens or closes cannot be told from their number.
    if (syntax.escapes == Syntax::Escapes::kQuotes && syntax.escape != syntax.quote) per_split = blocks;
    std::vector<data::Split> out;
    for (std::uint32_t first = 0; first < blocks; first += per_split) {
      std::uint32_t n = std::min(per_split, blocks - first);
      std::uint64_t bytes = std::min(info.bytes - first * kBlockBytes, n * kBlockBytes);
      out.push_back({index, first, n, bytes / kGuessedRowBytes + 1});
    }
    return out;
  }

  std::unique_ptr<SplitReader> open(const std::shared_ptr<const ScanRequest>& request, const data::Split& split) override {
    return std::make_unique<TextReader>(request, split, syntax_of(request->source, csv_), counts_);
  }

  data::Schema infer(const data::TableSource& source, const std::string& path) override {
    Syntax syntax = syntax_of(source, csv_);
    if (syntax.header_lines == 0)
      throw Error("42601", "the columns of \"" + path + "\" cannot be told without a header line")
          .hint("Give a column list, or WITH ('csv.header'='true') when the first line names the columns.");
    ReadableFile file(path);
    std::string buffer;
    std::string_view text = file.read(0, kReadBytes, buffer);
    bool whole = text.size() < kReadBytes;
    std::vector<std::vector<std::string>> records = first_records(text, whole, syntax);
    if (records.size() < syntax.header_lines) throw corrupt(path, "it has no header line");
    const auto& names = records[syntax.header_lines - 1];
    std::vector<GuessedType> guesses(names.size());
    bool again = true;
    while (again) {
      again = false;
      for (std::size_t r = syntax.header_lines; r < records.size(); ++r)
        for (std::size_t c = 0; c < names.size() && c < records[r].size(); ++c) guesses[c].see(records[r][c], syntax);
      for (GuessedType& g : guesses) again = g.take_restart() || again;
    }
    data::Schema schema;
    for (std::size_t c = 0; c < names.size(); ++c) {
      std::string name = names[c];
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char x) { return static_cast<char>(x < 128 ? std::tolower(x) : x); });
      if (c == 0 && name.starts_with("\xEF\xBB\xBF")) name.erase(0, 3);
      if (name.empty()) name = "column" + std::to_string(c + 1);
      schema.columns.push_back({name, guesses[c].type(), false});
    }
    return schema;
  }

  std::vector<std::string> suffixes() const override {
    if (csv_) return {".csv", ".CSV"};
    return {".txt", ".tbl", ".tsv", ".csv"};
  }

 private:
  static std::vector<std::vector<std::string>> first_records(std::string_view text, bool whole, const Syntax& syntax) {
    std::vector<std::vector<std::string>> out;
    bool quoting = syntax.escapes == Syntax::Escapes::kQuotes;
    bool quoted = false;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size() && out.size() < kInferredRecords; ++i) {
      if (quoting && text[i] == syntax.quote) quoted = !quoted;
      if (text[i] != '\n' || quoted) continue;
      out.push_back(RecordParser::fields_of(text.substr(begin, i - begin), syntax));
      begin = i + 1;
    }
    if (whole && begin < text.size() && out.size() < kInferredRecords)
      out.push_back(RecordParser::fields_of(text.substr(begin), syntax));
    return out;
  }

  bool csv_;
  QuoteCounts counts_;
};

}  // namespace

std::unique_ptr<ExternalFormat> make_text_format(bool csv) { return std::make_unique<TextFormat>(csv); }

}  // namespace tajo::storage
