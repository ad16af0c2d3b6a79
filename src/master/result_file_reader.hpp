#pragma once
#include <string>

#include "tajo/common/bytes.hpp"

namespace tajo::master {

/// Reads `staging/<query id>/RESULT` block by block. Errors 58030 (cannot be read), XX001 (ends too early).
class ResultFileReader {
 public:
  explicit ResultFileReader(const std::string& path);
  ~ResultFileReader();
  ResultFileReader(const ResultFileReader&) = delete;
  ResultFileReader& operator=(const ResultFileReader&) = delete;
  bool next(Bytes& block);

 private:
  bool read_exactly(void* out, std::size_t size);
  std::string path_;
  int fd_ = -1;
};

}  // namespace tajo::master
