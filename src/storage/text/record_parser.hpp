#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "column_sink.hpp"

namespace tajo::storage::text {

inline constexpr std::size_t kMaxRecordBytes = std::size_t{256} << 20;
inline constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

struct Syntax {
  enum class Escapes {
    kBackslash,  ///< COPY's text format
    kQuotes,     ///< CSV
    kNone,       ///< Tajo's TEXT: bytes between delimiters as they are
  };
  Escapes escapes = Escapes::kBackslash;
  std::string delimiter = "\t";
  char quote = '"';
  char escape = '"';
  std::string null = "\\N";
  std::uint32_t header_lines = 0;
  bool end_marker = true;          ///< a line `\.` ends the data
  bool empty_is_null = false;      ///< an empty field of another type than text is NULL
  bool trailing_delimiter = false; ///< one empty field behind the last column is ignored (dbgen writes it)
};

/// Records in pieces of bytes in, batches out. Knows offsets and lines for messages and for splits. One thread.
class RecordParser {
 public:
  /// `wanted[i]`: position of column i in the batches, or -1 when it is only skipped. `place`: names the source in
  /// messages, e.g. `file "x", `; may be empty.
  RecordParser(const data::Schema& schema, const Syntax& syntax, std::vector<int> wanted, std::string place);

  /// The first byte fed lies at `offset`; records that begin at or after `limit` belong to others.
  void start(std::uint64_t offset, std::uint64_t limit);
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  void end() { ended_ = true; }
  /// A full batch, or what is left once ended or at the limit. false: needs more bytes, or nothing is left.
  bool next(data::Batch& out);
  /// No record will come any more.
  bool done() const { return done_; }
  std::uint64_t line() const { return line_; }
  std::uint64_t record_offset() const { return base_ + position_; }
  /// Rows with errors to skip before the first error is thrown; negative: all.
  void tolerate(std::int64_t rows) { tolerated_ = rows; }

  /// Splits one record into raw fields, for schema inference; quotes removed.
  static std::vector<std::string> fields_of(std::string_view record, const Syntax& syntax);

 private:
  struct Field {
    std::string_view text;
    bool quoted = false;
  };

  std::optional<std::size_t> record_end() const;
  std::size_t after_newline(std::size_t end) const;
  bool fill();
  void parse_record(std::string_view record);
  void put(std::size_t column, const Field& field);
  bool next_field(std::string_view& rest, Field& field);
  [[noreturn]] void fail(std::string_view state, const std::string& message, const std::string& column) const;
  void compact();

  Syntax syntax_;
  std::vector<int> wanted_;
  std::vector<ColumnSink> sinks_;
  std::vector<int> sink_of_;  // by column: index into sinks_ or -1
  std::vector<std::string> names_;
  std::vector<bool> text_column_;
  std::string place_;
  std::string buffer_;
  std::size_t position_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t limit_ = kNoLimit;
  std::uint64_t line_ = 1;       // of the record at position_
  std::uint32_t header_left_ = 0;
  bool ended_ = false;
  bool done_ = false;
  std::uint32_t rows_ = 0;
  bool batch_open_ = false;
  std::int64_t tolerated_ = 0;
  data::Arena arena_;
  std::string scratch_;
};

}  // namespace tajo::storage::text
