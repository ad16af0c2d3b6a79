#pragma once
#include <memory>
#include <vector>

#include "tajo/storage/scan.hpp"

namespace tajo::storage {

/// One format's way to read external files. Implementations are immutable or locked: any thread.
class ExternalFormat {
 public:
  virtual ~ExternalFormat() = default;
  /// Splits of fragment `fragment` of the request, those the filters exclude left out.
  virtual std::vector<data::Split> splits(const ScanRequest& request, std::uint32_t fragment,
                                          std::uint64_t target_rows) = 0;
  virtual std::unique_ptr<SplitReader> open(const std::shared_ptr<const ScanRequest>& request,
                                            const data::Split& split) = 0;
  /// Columns of one file. Error naming it when they cannot be told.
  virtual data::Schema infer(const data::TableSource& source, const std::string& path) = 0;
  /// Rows of a file where its footer tells, else false.
  virtual bool count_rows(const data::TableSource& source, const std::string& path, std::uint64_t& rows);
  /// Suffixes of the files a directory is searched for; empty: all files.
  virtual std::vector<std::string> suffixes() const = 0;
};

std::unique_ptr<ExternalFormat> make_parquet_format();
std::unique_ptr<ExternalFormat> make_orc_format();
std::unique_ptr<ExternalFormat> make_json_format();
std::unique_ptr<ExternalFormat> make_text_format(bool csv);
std::unique_ptr<ExternalFormat> make_hdf5_format();

/// Throws 58030 when the file is no longer the one the plan was made for (size, mtime).
void check_unchanged(const data::FragmentInfo& fragment);

/// Value of a WITH option, or `otherwise`.
std::string option(const data::TableSource& source, const std::string& key, const std::string& otherwise = {});

}  // namespace tajo::storage
