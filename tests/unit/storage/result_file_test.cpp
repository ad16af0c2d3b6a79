#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "tajo/common/error.hpp"
#include "tajo/storage/result_file.hpp"

namespace tajo::storage {
namespace {

namespace fs = std::filesystem;

class ResultFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tajo-result-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ + "/q_1_2/RESULT";
  }
  void TearDown() override { fs::remove_all(directory_); }
  static std::shared_ptr<const Bytes> block(std::size_t size) { return std::make_shared<const Bytes>(size, std::byte{7}); }
  std::string directory_, path_;
};

TEST_F(ResultFileTest, GivesBackColumnsAndBlocks) {
  const std::vector<data::Column> columns = {{"a", data::Type::decimal(15, 2), false}, {"ß", data::Type::of(data::TypeId::kText), false}};
  const auto bytes = write_result_file(path_, columns, {block(10), block(0), block(100'000)});
  EXPECT_EQ(bytes, fs::file_size(path_));
  ResultFileReader in(path_);
  ASSERT_EQ(in.columns().size(), 2u);
  EXPECT_EQ(in.columns()[0].type, data::Type::decimal(15, 2));
  EXPECT_EQ(in.columns()[1].name, "ß");
  std::vector<std::size_t> sizes;
  for (Bytes b; in.next(b);) sizes.push_back(b.size());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{10, 0, 100'000}));
}

TEST_F(ResultFileTest, DamageIsAnError) {
  write_result_file(path_, {}, {block(100)});
  fs::resize_file(path_, fs::file_size(path_) - 1);
  ResultFileReader in(path_);
  Bytes b;
  EXPECT_THROW(in.next(b), Error);
  std::ofstream(path_, std::ios::trunc) << "something else altogether";
  EXPECT_THROW(ResultFileReader{path_}, Error);
  EXPECT_THROW(ResultFileReader{path_ + "X"}, Error);
}

}  // namespace
}  // namespace tajo::storage
