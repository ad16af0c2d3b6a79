#pragma once
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tajo/data/load.hpp"
#include "tajo/storage/scan.hpp"
#include "tajo/storage/write.hpp"

namespace tajo::storage::testing {

using Row = std::vector<data::Value>;

/// Batches made of rows of values: owns what the batch points to.
class BatchOfRows {
 public:
  BatchOfRows(const data::Schema& schema, const std::vector<Row>& rows, std::size_t from, std::size_t to);
  const data::Batch& batch() const { return batch_; }

 private:
  data::Arena arena_;
  data::Batch batch_;
};

/// The rows of a batch as values.
void read_rows(const data::Schema& schema, const data::Batch& batch, std::vector<Row>& out);

class TableTest : public ::testing::Test {
 protected:
  TableTest();
  ~TableTest() override;

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  data::TableSource source(const data::Schema& schema) const;
  data::FragmentInfo write(const data::Schema& schema, const std::vector<Row>& rows, const std::string& name = "a.h5");
  ScanRequest request(const data::Schema& schema, std::vector<data::FragmentInfo> fragments) const;
  /// All rows of all splits.
  std::vector<Row> scan(const ScanRequest& request, std::uint64_t target_rows = 1 << 20);

  std::filesystem::path directory_;
  std::unique_ptr<Storage> storage_;
};

void write_file(const std::string& path, const std::string& text);

}  // namespace tajo::storage::testing
