#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/data/schema.hpp"

namespace tajo::storage {

/// A staged result (docs/formats.md): its columns, then each block as u32 length + bytes; synced before it is named.
/// Returns the file's size. Blocking. Errors 53100, 58030.
std::uint64_t write_result_file(const std::string& path, std::span<const data::Column> columns,
                                const std::vector<std::shared_ptr<const Bytes>>& blocks);

/// Reads a staged result block by block. Errors 58030 (cannot be read), XX001 (damaged).
class ResultFileReader {
 public:
  explicit ResultFileReader(const std::string& path);
  ~ResultFileReader();
  ResultFileReader(const ResultFileReader&) = delete;
  ResultFileReader& operator=(const ResultFileReader&) = delete;
  const std::vector<data::Column>& columns() const { return columns_; }
  bool next(Bytes& block);

 private:
  bool read_exactly(void* out, std::size_t size);
  void read_columns();
  std::string path_;
  int fd_ = -1;
  std::vector<data::Column> columns_;
};

}  // namespace tajo::storage
