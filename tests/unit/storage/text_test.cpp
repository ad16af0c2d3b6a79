#include "table_fixture.hpp"

#include <algorithm>

namespace tajo::storage::testing {
namespace {

using data::Type;
using data::TypeId;
using data::Value;

data::Schema three() {
  return {{{"a", Type::of(TypeId::kInt4)}, {"t", Type::of(TypeId::kText)}, {"d", Type::decimal(9, 2)}}};
}

std::vector<Row> copy(const std::string& text, const CopyFormat& format, std::size_t piece = 7) {
  data::Schema schema = three();
  auto parser = make_copy_parser(schema, format);
  std::vector<Row> rows;
  data::Batch batch;
  for (std::size_t i = 0; i < text.size(); i += piece) {
    parser->feed(std::string_view(text).substr(i, piece));
    while (parser->next(batch)) read_rows(schema, batch, rows);
  }
  parser->end();
  while (parser->next(batch)) read_rows(schema, batch, rows);
  return rows;
}

std::string error_of(const std::string& text, const CopyFormat& format, const std::string& state) {
  try {
    copy(text, format);
  } catch (const Error& e) {
    EXPECT_EQ(e.sqlstate(), state) << e.message();
    return e.message();
  }
  ADD_FAILURE() << "accepted: " << text;
  return {};
}

const CopyFormat kText;
const CopyFormat kCsv{true, ',', '"', '"', "", false};

TEST(Copy, TextFormatAsPostgres) {
  std::vector<Row> want{{Value(std::int64_t{1}), Value(std::string("x\ty\nz\\N")), Value(std::int64_t{150})},
                        {Value(), Value(), Value()},
                        {Value(std::int64_t{-3}), Value(std::string("")), Value(std::int64_t{-5})},
                        {Value(std::int64_t{4}), Value(std::string("AB\xC3\xA9")), Value(std::int64_t{0})}};
  EXPECT_EQ(copy("1\tx\\ty\\nz\\\\N\t1.50\n\\N\t\\N\t\\N\n-3\t\t-0.05\n4\t\\x41\\102\xC3\xA9\t0\n\\.\nrest", kText), want);
}

TEST(Copy, CsvFormatAsPostgres) {
  CopyFormat header = kCsv;
  header.header = true;
  std::vector<Row> want{{Value(std::int64_t{1}), Value(std::string("say \"hi\", two\nlines")), Value(std::int64_t{150})},
                        {Value(), Value(std::string("")), Value()},
                        {Value(std::int64_t{2}), Value(), Value(std::int64_t{200})}};
  EXPECT_EQ(copy("a,t,d\r\n1,\"say \"\"hi\"\", two\nlines\",1.5\r\n,\"\",\n2,,2", header), want);
}

TEST(Copy, ErrorsNameLineAndColumn) {
  EXPECT_NE(error_of("1\ta\t1\nx\tb\t2\n", kText, "22P02").find("line 2, column \"a\""), std::string::npos);
  EXPECT_NE(error_of("1\ta\n", kText, "22P04").find("missing data for column \"d\""), std::string::npos);
  EXPECT_NE(error_of("1\ta\t1\t9\n", kText, "22P04").find("extra data after last expected column (line 1)"), std::string::npos);
  error_of("1,\"a,1\n", kCsv, "22P04");
  error_of("1\t\xff\t1\n", kText, "22021");
  EXPECT_NE(error_of("1,\"a\nb\",1\n99999999999,a,1\n", kCsv, "22003").find("line 3"), std::string::npos);
}

class Text : public TableTest {
 protected:
  ScanRequest text_request(const std::string& format, const std::string& location, const data::Schema& schema,
                           std::map<std::string, std::string> options = {}) {
    ScanRequest r = request(schema, {});
    r.source.format = format;
    r.source.managed = false;
    r.source.location = location;
    r.source.options = std::move(options);
    r.fragments = storage_->list_external(r.source);
    return r;
  }
};

TEST_F(Text, SplitsOfALargeQuotedCsvCoverEveryRowOnce) {
  std::string text;
  std::vector<Row> want;
  for (std::int64_t i = 0; text.size() < 14'000'000; ++i) {
    std::string s = "row\n\"" + std::string(static_cast<std::size_t>(i * 37 % 200), 'x') + "\n";
    std::string quoted;
    for (char c : s) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    text += std::to_string(i) + ",\"" + quoted + "\"," + std::to_string(i % 100) + ".25\n";
    want.push_back({Value(i), Value(s), Value(i % 100 * 100 + 25)});
  }
  write_file(path("big.csv"), text);
  auto r = text_request("csv", path("big.csv"), three());
  EXPECT_GT(storage_->splits(r, 1).size(), 3U);
  auto got = scan(r, 1);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], want[i]);
  write_file(path("bad.csv"), text + "x,y,z\n");
  try {
    scan(text_request("csv", path("bad.csv"), three()), 1);
    FAIL();
  } catch (const Error& e) {
    auto lines = std::to_string(std::count(text.begin(), text.end(), '\n') + 1);
    EXPECT_NE(e.message().find("bad.csv\", line " + lines + ", column \"a\""), std::string::npos) << e.message();
  }
}

TEST_F(Text, TajoTextOfDbgen) {
  write_file(path("t.tbl"), "1|it's \"raw\" \\n|2.50|\n||3|\n");
  std::vector<Row> want{{Value(std::int64_t{1}), Value(std::string("it's \"raw\" \\n")), Value(std::int64_t{250})},
                        {Value(), Value(std::string("")), Value(std::int64_t{300})}};
  EXPECT_EQ(scan(text_request("text", path("t.tbl"), three())), want);
  write_file(path("u.tbl"), "head\n1\x01\\N\x01" "2\nbad\n");
  want = {{Value(std::int64_t{1}), Value(), Value(std::int64_t{200})}};
  EXPECT_EQ(scan(text_request("text", path("u.tbl"), three(),
                              {{"text.delimiter", "\\u0001"}, {"text.null", "\\N"}, {"text.skip.headerlines", "1"},
                               {"text.error-tolerance.max-num", "1"}})),
            want);
}

TEST_F(Text, ProjectionGlobAndChangedFiles) {
  write_file(path("a1.csv"), "1,x,1\n");
  write_file(path("a2.csv"), "2,y,2\n");
  write_file(path("b.csv"), "3,z,3\n");
  auto r = text_request("csv", path("a*.csv"), three());
  ASSERT_EQ(r.fragments.size(), 2U);
  r.columns = {2, 0};
  std::vector<Row> want{{Value(std::int64_t{100}), Value(std::int64_t{1})}, {Value(std::int64_t{200}), Value(std::int64_t{2})}};
  EXPECT_EQ(scan(r), want);
  write_file(path("a2.csv"), "2,y,2\n4,y,2\n");
  EXPECT_THROW(scan(r), Error);
  EXPECT_THROW(text_request("csv", path("none*.csv"), three()), Error);
}

TEST_F(Text, InfersCsvWithHeader) {
  write_file(path("h.csv"), "Id,name,x,day\n1,abc,1,2024-01-31\n2,\"d,e\",2.5,\n");
  data::TableSource s;
  s.format = "csv";
  s.managed = false;
  s.location = path("h.csv");
  EXPECT_THROW(storage_->infer_schema(s), Error);
  s.options["csv.header"] = "true";
  data::Schema want{{{"id", Type::of(TypeId::kInt8)}, {"name", Type::of(TypeId::kText)},
                     {"x", Type::of(TypeId::kFloat8)}, {"day", Type::of(TypeId::kDate)}}};
  EXPECT_EQ(storage_->infer_schema(s), want);
}

}  // namespace
}  // namespace tajo::storage::testing
