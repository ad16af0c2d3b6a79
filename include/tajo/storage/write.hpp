#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tajo/data/batch_codec.hpp"
#include "tajo/data/fragment.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::storage {

inline constexpr std::uint64_t kMaxFragmentRows = std::uint64_t{8} << 20;
inline constexpr std::uint64_t kMaxFragmentBytes = std::uint64_t{256} << 20;

/// Writes one immutable managed fragment: rows are encoded in blocks as they come, the file is laid out when widths
/// are known, synced, and only then returned. One thread. Destroyed without finish(): nothing is left behind.
class FragmentWriter {
 public:
  virtual ~FragmentWriter() = default;
  virtual void append(const data::Batch& batch) = 0;  ///< any Form; table column order
  virtual std::uint64_t rows() const = 0;
  virtual std::size_t bytes() const = 0;              ///< estimate of the encoded size
  /// Writes and fdatasyncs `path` (absolute; parent is made). FragmentInfo::path is the file's name.
  /// Errors 53100, 58030: the partial file is removed.
  virtual data::FragmentInfo finish(const std::string& path) = 0;
};
std::unique_ptr<FragmentWriter> make_fragment_writer(const data::Schema& schema,
                                                     const std::map<std::string, std::string>& options);

/// Statistics of rows that ride inline in the log (small INSERT): same columns statistics as a file would have.
data::FragmentInfo make_inline_fragment(const data::Schema& schema, Bytes block);

/// Text/CSV rows as COPY FROM and INSERT get them: bytes in, batches out. PostgreSQL's text and CSV formats (default
/// NULL `\N` resp. empty), header, delimiter, quote, escape. Error 22P04 names line and column.
struct CopyFormat {
  bool csv = false;
  char delimiter = '\t';
  char quote = '"';
  char escape = '"';
  std::string null = "\\N";
  bool header = false;
};
class CopyParser {
 public:
  virtual ~CopyParser() = default;
  virtual void feed(std::string_view bytes) = 0;
  virtual void end() = 0;                      ///< Error when the last record is incomplete
  virtual bool next(data::Batch& out) = 0;     ///< false: needs more bytes
  virtual std::uint64_t line() const = 0;
};
std::unique_ptr<CopyParser> make_copy_parser(const data::Schema& schema, const CopyFormat& format);

}  // namespace tajo::storage
