#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>
#include <thread>

#include "hdf5/toc.hpp"
#include "table_fixture.hpp"
#include "tajo/common/random.hpp"

namespace tajo::storage::testing {
namespace {

using data::Type;
using data::TypeId;
using data::Value;

constexpr std::int64_t kMin64 = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax64 = std::numeric_limits<std::int64_t>::max();

data::Schema all_types() {
  return {{{"b", Type::of(TypeId::kBool)}, {"i1", Type::of(TypeId::kInt1)}, {"i2", Type::of(TypeId::kInt2)},
           {"i4", Type::of(TypeId::kInt4)}, {"i8", Type::of(TypeId::kInt8)}, {"f4", Type::of(TypeId::kFloat4)},
           {"f8", Type::of(TypeId::kFloat8)}, {"d15", Type::decimal(15, 2)}, {"d38", Type::decimal(38, 4)},
           {"c", Type::of(TypeId::kChar)}, {"t", Type::of(TypeId::kText)}, {"u", Type::of(TypeId::kText)},
           {"x", Type::of(TypeId::kBlob)}, {"dt", Type::of(TypeId::kDate)}, {"tm", Type::of(TypeId::kTime)},
           {"ts", Type::of(TypeId::kTimestamp)}, {"iv", Type::of(TypeId::kInterval)}}};
}

std::vector<Row> some_rows(std::size_t n, bool nulls) {
  Random random(7);
  std::vector<Row> rows;
  const char* words[] = {"red", "green", "blue", "a word longer than twelve bytes", ""};
  for (std::size_t i = 0; i < n; ++i) {
    auto r = static_cast<std::int64_t>(random());
    auto k = static_cast<std::int64_t>(i);
    Row row{Value(r & 1),
            Value(r % 100),
            Value(r % 30000),
            Value(r % 2'000'000'000),
            Value(r),
            Value(static_cast<double>(static_cast<float>(r) * 1e-12F)),
            Value(static_cast<double>(r) * 1e-3),
            Value(r % 10'000'000'000),
            Value(static_cast<__int128>(r) * 1'000'000'007),
            Value(std::string(words[i % 3])),
            Value(std::string(words[static_cast<std::uint64_t>(r) % 5])),
            Value("unique text number " + std::to_string(r)),
            Value(std::string("\0\xff\x01", 3) + std::to_string(k)),
            Value(r % 100000),
            Value(std::abs(r) % 86'400'000'000),
            Value(r % 100'000'000'000'000),
            Value(data::pack_interval({r % 1'000'000, static_cast<std::int32_t>(r % 30), static_cast<std::int32_t>(r % 12)}))};
    if (nulls)
      for (Value& v : row)
        if (random.chance(0.2)) v = Value();
    rows.push_back(std::move(row));
  }
  return rows;
}

class Managed : public TableTest {};

TEST_F(Managed, RoundTripsAllTypesWithAndWithoutNulls) {
  for (bool nulls : {false, true}) {
    for (std::size_t n : {std::size_t{1}, std::size_t{70}, std::size_t{140'000}}) {
      auto rows = some_rows(n, nulls);
      auto info = write(all_types(), rows, "t" + std::to_string(n) + (nulls ? "n" : "") + ".h5");
      EXPECT_EQ(info.rows, n);
      EXPECT_EQ(info.bytes, std::filesystem::file_size(path(info.path)));
      auto got = scan(request(all_types(), {info}));
      ASSERT_EQ(got.size(), rows.size());
      for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(got[i], rows[i]) << "row " << i << " of " << n << " nulls " << nulls;
    }
  }
}

TEST_F(Managed, EmptyFragmentAndColumnsOfOnlyNulls) {
  auto info = write(all_types(), {}, "empty.h5");
  EXPECT_EQ(info.rows, 0U);
  EXPECT_TRUE(scan(request(all_types(), {info})).empty());
  std::vector<Row> rows(5, Row(all_types().columns.size()));
  EXPECT_EQ(scan(request(all_types(), {write(all_types(), rows, "nulls.h5")})), rows);
}

TEST_F(Managed, NullAtTheEndsOfEveryWidth) {
  data::Schema schema{{{"i", Type::of(TypeId::kInt8)}, {"s", Type::of(TypeId::kInt4)}}};
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges = {
      {-128, 127}, {-127, 127}, {-128, 126}, {0, 255}, {0, 254}, {-32768, 32767}, {0, 65535}, {0, 65534},
      {INT32_MIN, INT32_MAX}, {INT32_MIN + 1, INT32_MAX}, {0, UINT32_MAX}, {kMin64, kMax64}, {kMin64 + 1, kMax64}};
  int number = 0;
  for (auto [lo, hi] : ranges) {
    bool fits = lo >= INT32_MIN && hi <= INT32_MAX;
    std::vector<Row> rows{{Value(lo), fits ? Value(lo) : Value(std::int64_t{INT32_MIN})},
                          {Value(), Value()},
                          {Value(hi), fits ? Value(hi) : Value(std::int64_t{INT32_MAX})},
                          {Value(std::int64_t{0}), Value(std::int64_t{0})}};
    EXPECT_EQ(scan(request(schema, {write(schema, rows, std::to_string(number++) + ".h5")})), rows) << lo << ".." << hi;
  }
}

TEST_F(Managed, FloatsKeepNanApartFromNull) {
  data::Schema schema{{{"f", Type::of(TypeId::kFloat8)}}};
  double nan = std::numeric_limits<double>::quiet_NaN();
  auto info = write(schema, {{Value(1.5)}, {Value(nan)}, {Value()}, {Value(-2.0)}});
  auto got = scan(request(schema, {info}));
  EXPECT_TRUE(std::isnan(std::get<double>(got[1][0])));
  EXPECT_TRUE(data::is_null(got[2][0]));
  EXPECT_EQ(info.columns[0].nulls, 1U);
  EXPECT_EQ(info.columns[0].min, Value(-2.0));
  EXPECT_TRUE(std::isnan(std::get<double>(info.columns[0].max)));
}

TEST_F(Managed, WideTypesWithSmallValuesAreStoredNarrow) {
  data::Schema schema{{{"d", Type::decimal(38, 2)}}};
  std::vector<Row> rows{{Value(__int128{-100})}, {Value()}, {Value(__int128{12345})}};
  auto r = request(schema, {write(schema, rows)});
  EXPECT_EQ(scan(r), rows);
  data::Batch batch;
  auto reader = storage_->scan(r)->open({0, 0, 1, 3});
  ASSERT_TRUE(reader->next(batch));
  EXPECT_EQ(batch.columns[0].type, data::Physical::kI128);
  EXPECT_EQ(batch.columns[0].stored, data::Stored::kI16);
}

TEST_F(Managed, ManyThreadsShareOneFile) {
  auto rows = some_rows(140'000, true);
  data::Schema schema = all_types();
  auto r = request(schema, {write(schema, rows)});
  auto scan = storage_->scan(r);
  auto splits = storage_->splits(r, 1);
  ASSERT_EQ(splits.size(), 3U);
  std::atomic<std::uint64_t> seen{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      auto reader = scan->open(splits[static_cast<std::size_t>(t) % 3]);
      data::Batch batch;
      std::vector<Row> got;
      while (reader->next(batch)) read_rows(schema, batch, got);
      std::size_t first = splits[static_cast<std::size_t>(t) % 3].first_block * std::size_t{data::kBlockRows};
      for (std::size_t i = 0; i < got.size(); ++i)
        if (got[i] == rows[first + i]) ++seen;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(seen, 2 * rows.size());
}

TEST_F(Managed, RemovedFilesAreReleasedWhenNobodyReadsThem) {
  data::Schema schema{{{"k", Type::of(TypeId::kInt8)}}};
  auto r = request(schema, {write(schema, {{Value(std::int64_t{1})}})});
  EXPECT_EQ(scan(r).size(), 1U);
  auto mapped = [] {
    std::ifstream maps("/proc/self/maps");
    std::string all((std::istreambuf_iterator<char>(maps)), {});
    return all.find("a.h5 (deleted)") != std::string::npos;
  };
  std::filesystem::remove(path("a.h5"));
  EXPECT_TRUE(mapped());
  EXPECT_EQ(scan(r).size(), 1U);  // snapshots may still read it
  storage_->release_removed();
  EXPECT_FALSE(mapped());
}

TEST_F(Managed, HandsOutNarrowVectorsAndDictionariesWithoutCopies) {
  data::Schema schema{{{"i", Type::of(TypeId::kInt8)}, {"t", Type::of(TypeId::kText)}}};
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 5000; ++i) rows.push_back({Value(i), Value(std::string(i % 2 == 0 ? "even" : "odd"))});
  auto r = request(schema, {write(schema, rows)});
  auto reader = storage_->scan(r)->open(storage_->splits(r, 1).front());
  data::Batch batch;
  ASSERT_TRUE(reader->next(batch));
  EXPECT_EQ(batch.rows, data::kVectorRows);
  EXPECT_EQ(batch.columns[0].form, data::Vector::Form::kStored);
  EXPECT_EQ(batch.columns[0].stored, data::Stored::kI16);
  EXPECT_EQ(batch.columns[1].form, data::Vector::Form::kStored);
  EXPECT_EQ(batch.columns[1].stored, data::Stored::kU8);
  ASSERT_EQ(batch.columns[1].dictionary->values.size(), 2U);
  EXPECT_TRUE(batch.columns[1].dictionary->sorted);
  const auto* first = batch.columns[0].as<std::int16_t>();
  ASSERT_TRUE(reader->next(batch));
  EXPECT_EQ(batch.columns[0].as<std::int16_t>(), first + data::kVectorRows);
  EXPECT_EQ(batch.first_row_id, data::kVectorRows);
}

TEST_F(Managed, StatisticsAreExact) {
  data::Schema schema{{{"k", Type::of(TypeId::kInt8)}, {"v", Type::of(TypeId::kInt4)}, {"t", Type::of(TypeId::kText)},
                       {"u", Type::of(TypeId::kText)}}};
  std::vector<Row> rows;
  std::string longest(100, 'z');
  for (std::int64_t i = 0; i < 100'000; ++i)
    rows.push_back({Value(i * 3), i % 10 == 0 ? Value() : Value(i % 777), Value("w" + std::to_string(i % 100)),
                    Value(i == 50 ? longest : "text " + std::to_string(i * 7919 % 100'000))});
  auto info = write(schema, rows);
  EXPECT_TRUE(info.columns[0].strictly_increasing);
  EXPECT_EQ(info.columns[0].distinct, 100'000U);
  EXPECT_EQ(info.columns[0].max, Value(std::int64_t{299'997}));
  EXPECT_FALSE(info.columns[1].strictly_increasing);
  EXPECT_EQ(info.columns[1].nulls, 10'000U);
  EXPECT_NEAR(static_cast<double>(info.columns[1].distinct), 777, 777 * 0.15);
  EXPECT_EQ(info.columns[2].distinct, 100U);
  EXPECT_EQ(info.columns[3].max, Value(longest));
  EXPECT_EQ(info.columns[3].min, Value(std::string("text 0")));
  EXPECT_NEAR(static_cast<double>(info.columns[3].distinct), 100'000, 100'000 * 0.15);
  EXPECT_EQ(info.columns[3].sketch.size(), 1024U);
}

TEST_F(Managed, AppendsEveryFormOfVectorAndOnlySelectedRows) {
  data::Schema schema{{{"i", Type::of(TypeId::kInt4)}, {"t", Type::of(TypeId::kText)}, {"k", Type::of(TypeId::kInt8)}}};
  std::int8_t narrow[4] = {1, -1, 3, 4};
  std::uint8_t codes[4] = {0, 1, 2, 0};
  std::int64_t constant = 42;
  std::uint16_t selected[3] = {0, 1, 3};
  std::vector<data::Str> words{data::Str(std::string_view("a")), data::Str(std::string_view("b"))};
  data::Dictionary dictionary{9, words, true, nullptr};
  data::Batch batch;
  batch.rows = 4;
  batch.selection = {selected, 3};
  data::Vector i;
  i.form = data::Vector::Form::kStored;
  i.stored = data::Stored::kI8;
  i.has_null_value = true;
  i.null_value = -1;
  i.data = narrow;
  data::Vector t = i;
  t.type = data::Physical::kStr;
  t.stored = data::Stored::kU8;
  t.null_value = 2;
  t.data = codes;
  t.dictionary = &dictionary;
  data::Vector k;
  k.form = data::Vector::Form::kConstant;
  k.type = data::Physical::kI64;
  k.data = &constant;
  batch.columns = {i, t, k};
  auto writer = make_fragment_writer(schema, {});
  writer->append(batch);
  EXPECT_EQ(writer->rows(), 3U);
  auto got = scan(request(schema, {writer->finish(path("forms.h5"))}));
  std::vector<Row> want{{Value(std::int64_t{1}), Value(std::string("a")), Value(constant)},
                        {Value(), Value(std::string("b")), Value(constant)},
                        {Value(std::int64_t{4}), Value(std::string("a")), Value(constant)}};
  EXPECT_EQ(got, want);
}

class Damaged : public TableTest {
 protected:
  Damaged() {
    for (std::int64_t i = 0; i < 200'000; ++i) rows_.push_back({Value(i * 1'000'003), Value("text " + std::to_string(i))});
    info_ = write(schema_, rows_);
  }
  void overwrite(std::uint64_t offset, const std::string& bytes) {
    int fd = open(path("a.h5").c_str(), O_WRONLY);
    EXPECT_EQ(pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)), static_cast<ssize_t>(bytes.size()));
    close(fd);
  }
  void expect_corrupt(const std::string& word) {
    try {
      scan(request(schema_, {info_}));
      FAIL() << "a damaged file was read";
    } catch (const Error& e) {
      EXPECT_EQ(e.sqlstate(), "XX001");
      EXPECT_NE(e.message().find("a.h5"), std::string::npos) << e.message();
      EXPECT_NE(e.message().find(word), std::string::npos) << e.message();
    }
  }
  data::Schema schema_{{{"k", Type::of(TypeId::kInt8)}, {"t", Type::of(TypeId::kText)}}};
  std::vector<Row> rows_;
  data::FragmentInfo info_;
};

TEST_F(Damaged, FlippedByteNamesColumnAndBlock) {
  int fd = open(path("a.h5").c_str(), O_RDONLY);
  char tail[hdf5::kTrailerBytes];
  ASSERT_EQ(pread(fd, tail, sizeof tail, static_cast<off_t>(info_.bytes - sizeof tail)), static_cast<ssize_t>(sizeof tail));
  hdf5::Trailer trailer;
  ASSERT_TRUE(hdf5::decode_trailer(std::as_bytes(std::span(tail)), trailer));
  Bytes toc(trailer.toc_bytes);
  ASSERT_EQ(pread(fd, toc.data(), toc.size(), static_cast<off_t>(trailer.toc_offset)), static_cast<ssize_t>(toc.size()));
  close(fd);
  std::uint64_t offset = hdf5::decode_toc(toc).columns[0].values.offset;
  EXPECT_EQ(offset % 4096, 0U);
  overwrite(offset + 70'000 * 8, "!");
  expect_corrupt("column \"k\": checksum of block 1");
}

TEST_F(Damaged, TruncatedFile) {
  std::filesystem::resize_file(path("a.h5"), 100'000);
  expect_corrupt("trailer");
}

TEST_F(Damaged, TruncatedWhileMapped) {
  EXPECT_EQ(scan(request(schema_, {info_})).size(), rows_.size());
  auto r = request(schema_, {info_});
  auto reader = storage_->scan(r)->open({0, 0, 4, 200'000});
  data::Batch batch;
  ASSERT_TRUE(reader->next(batch));
  std::filesystem::resize_file(path("a.h5"), 8192);
  // What was handed out may be zeros now, but the reader says so before it gives more.
  std::vector<Row> got;
  EXPECT_THROW({
    do read_rows(schema_, batch, got);
    while (reader->next(batch));
  }, Error);
  expect_corrupt("trailer");
}

TEST_F(Damaged, AnotherFileUnderTheSameName) {
  rows_.pop_back();
  write(schema_, rows_);
  expect_corrupt("another file");
}

TEST_F(Damaged, GarbageNeverCrashes) {
  Random random(3);
  int fd = open(path("a.h5").c_str(), O_RDONLY);
  std::string good(info_.bytes, '\0');
  ASSERT_EQ(pread(fd, good.data(), good.size(), 0), static_cast<ssize_t>(good.size()));
  close(fd);
  for (int i = 0; i < 40; ++i) {
    std::string bad = good;
    for (int k = 0; k < 20; ++k) bad[bad.size() - 1 - random.below(i < 20 ? 60 : 4000)] = static_cast<char>(random());
    write_file(path("a.h5"), bad);
    storage_ = Storage::make(directory_.string());
    try {
      scan(request(schema_, {info_}));
    } catch (const Error& e) {
      EXPECT_EQ(e.sqlstate(), "XX001");
    }
  }
}

TEST_F(Managed, FullDiskLeavesNothing) {
  data::Schema schema{{{"k", Type::of(TypeId::kInt8)}}};
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 100'000; ++i) rows.push_back({Value(i << 40)});
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  auto previous = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small{100'000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(write(schema, rows, "full.h5"), Error);
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, previous);
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(Managed, InlineFragmentsReadLikeFiles) {
  auto rows = some_rows(300, true);
  data::Schema schema = all_types();
  std::vector<data::Physical> physical;
  for (const auto& c : schema.columns) physical.push_back(data::physical_of(c.type));
  data::BlockBuilder builder(physical);
  BatchOfRows batch(schema, rows, 0, rows.size());
  builder.append(batch.batch());
  auto info = make_inline_fragment(schema, builder.take());
  auto file = write(schema, rows);
  EXPECT_EQ(info.rows, 300U);
  ASSERT_EQ(info.columns.size(), file.columns.size());
  for (std::size_t i = 0; i < info.columns.size(); ++i) {
    EXPECT_EQ(info.columns[i].min, file.columns[i].min);
    EXPECT_EQ(info.columns[i].nulls, file.columns[i].nulls);
  }
  auto all = scan(request(schema, {info, file}));
  ASSERT_EQ(all.size(), 600U);
  for (std::size_t i = 0; i < 300; ++i) {
    ASSERT_EQ(all[i], rows[i]);
    ASSERT_EQ(all[i + 300], rows[i]);
  }
}

}  // namespace
}  // namespace tajo::storage::testing
