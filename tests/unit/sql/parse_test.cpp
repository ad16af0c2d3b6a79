#include "sql_test.hpp"
#include "tajo_words.hpp"

namespace tajo::sql {
namespace {

std::string failure(const std::string& script) {
  std::string result = "no error";
  with_large_stack([&] {
    try {
      for (const StatementText& s : split_script(script)) parse(s);
    } catch (const Error& e) {
      result = e.sqlstate() + "@" + std::to_string(e.position()) + " " + e.message();
    }
  });
  return result;
}

std::string tag(const std::string& sql) { return command_tag(*parse({sql, 0})); }

TEST(SplitScript, FindsStatementsAndWhereTheyBegin) {
  const auto s = split_script("select 1; -- one ; two\n ; select ';', $$;$$, \"a;b\" /* ; /* ; */ */ ;\n INSERT OVERWRITE INTO é SELECT 1");
  ASSERT_EQ(s.size(), 3u);
  EXPECT_EQ(s[0].text, "select 1");
  EXPECT_EQ(s[1].text, "select ';', $$;$$, \"a;b\" /* ; /* ; */ */ ");
  EXPECT_EQ(s[1].offset, 26);
  EXPECT_EQ(s[2].text, "INSERT OVERWRITE INTO é SELECT 1");
}

TEST(SplitScript, AScriptWithoutStatementsIsOneEmptyStatement) {
  for (const char* script : {"", "  \n", ";;", "-- nothing", "/* a */ ;"}) {
    const auto s = split_script(script);
    ASSERT_EQ(s.size(), 1u) << script;
    EXPECT_EQ(s[0].text, "");
    EXPECT_EQ(command_tag(*parse(s[0])), "");
  }
}

TEST(SplitScript, UnterminatedThings) {
  EXPECT_EQ(failure("select 1; select 'abc"), "42601@18 unterminated quoted string at or near \"'abc\"");
  EXPECT_EQ(failure("select \"abc"), "42601@8 unterminated quoted identifier at or near \"\"abc\"");
  EXPECT_EQ(failure("select 1 /* x"), "42601@10 unterminated /* comment at or near \"/* x\"");
  EXPECT_EQ(failure("select $a$ x"), "42601@8 unterminated dollar-quoted string at or near \"$a$ x\"");
}

TEST(Parse, SyntaxErrorsHavePostgresTextAndPosition) {
  EXPECT_EQ(failure("SELECT * FORM t"), "42601@10 syntax error at or near \"FORM\"");
  EXPECT_EQ(failure("select 1;\nselect from from t"), "42601@23 syntax error at or near \"from\"");
  EXPECT_EQ(failure("select (1"), "42601@10 syntax error at end of input");
  EXPECT_EQ(failure("select 'é€' x y"), "42601@15 syntax error at or near \"y\"") << "characters, not bytes";
  EXPECT_EQ(failure("CREATE EXTERNAL TABLE é (a int) USING CSV LOCATION '/é/é' oops"), "42601@59 syntax error at or near \"oops\"");
  EXPECT_EQ(failure("create external table t (a int) using csv with ('k'=) location '/x'"), "42601@53 syntax error at or near \")\"");
  EXPECT_EQ(failure("select '\xff'").substr(0, 5), "22021");
}

TEST(Parse, LimitsAreCheckedBeforeTheParserRuns) {
  const auto many = [](const std::string& part, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += part;
    return text;
  };
  EXPECT_EQ(failure("select 1" + many("+1", 10'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select " + many("(", 3'000) + "1" + many(")", 3'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select " + many("(select ", 3'000) + "1" + many(")", 3'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select " + many("case when true then ", 3'000) + "1" + many(" end", 3'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select " + many("not ", 10'000) + "true").substr(0, 5), "54001");
  EXPECT_EQ(failure("select 1" + many("::int", 10'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select 1" + many(" is null", 10'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select 1" + many(" union select 1", 10'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select * from t" + many(" cross join t", 10'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select " + std::string(kMaxStatementBytes, ' ') + "1").substr(0, 5), "54001");
  EXPECT_EQ(failure("select 1" + many("+1", kMaxOperatorChain - 10)), "no error");
  EXPECT_EQ(failure("select 1" + many(" union select 1", 2'000)), "no error");
  EXPECT_EQ(failure("select " + many("(", 400) + "1" + many(")", 400)), "no error");
  EXPECT_EQ(failure("select true" + many(" and a = 1", 20'000)), "no error") << "AND is a flat list";
  EXPECT_EQ(failure("insert into t values (0)" + many(", (1 + 1)", 100'000)), "no error");
}

TEST(Parse, TajosWordsAreBlankedInPlace) {
  const std::string text = "CREATE EXTERNAL TABLE t (a int) USING TEXT WITH ('text.delimiter'='|', k=1) LOCATION 'file:///x'";
  const Skeleton s = take_tajo_words(text);
  EXPECT_EQ(s.text.size(), text.size());
  EXPECT_EQ(s.text.substr(0, 32), "CREATE          TABLE t (a int) ");
  EXPECT_EQ(s.text.find_first_not_of(' ', 32), std::string::npos);
  EXPECT_TRUE(s.words.external);
  EXPECT_EQ(s.words.format, "text");
  EXPECT_EQ(s.words.location, "file:///x");
  EXPECT_EQ(s.words.options.at(0), (std::pair<std::string, std::string>("text.delimiter", "|")));
  EXPECT_EQ(s.words.options.at(1), (std::pair<std::string, std::string>("k", "1")));
  EXPECT_EQ(take_tajo_words("create external table t using hdf5 location '/x'").text.substr(0, 28), "create          table t ()  ");
  EXPECT_TRUE(take_tajo_words("create external table t (*) using json location '/x'").words.without_columns);
  EXPECT_EQ(take_tajo_words("select a not rlike 'x' from t").text, "select a     !~    'x' from t");
  EXPECT_EQ(take_tajo_words("select regexp from t").text, "select regexp from t");
  EXPECT_EQ(take_tajo_words("select purge from t").text, "select purge from t");
  EXPECT_FALSE(take_tajo_words("drop table purge").words.purge);
  EXPECT_TRUE(take_tajo_words("drop table if exists a.t, u purge").words.purge);
}

TEST(Parse, CommandTags) {
  EXPECT_EQ(tag("with q as (select 1) select * from q"), "SELECT");
  EXPECT_EQ(tag("values (1)"), "SELECT");
  EXPECT_EQ(tag("create external table t using hdf5 location '/x'"), "CREATE TABLE");
  EXPECT_EQ(tag("create table t (a int) using hdf5 as select 1"), "CREATE TABLE AS");
  EXPECT_EQ(tag("insert overwrite into t select 1"), "INSERT");
  EXPECT_EQ(tag("drop table t purge"), "DROP TABLE");
  EXPECT_EQ(tag("create database if not exists d"), "CREATE DATABASE");
  EXPECT_EQ(tag("set catalog d"), "SET");
  EXPECT_EQ(tag("reset x"), "RESET");
  EXPECT_EQ(tag("explain global select 1"), "EXPLAIN");
  EXPECT_EQ(tag("alter user a password 'x'"), "ALTER ROLE");
  EXPECT_EQ(tag("start transaction"), "START TRANSACTION");
  EXPECT_EQ(tag("create policy p on t"), "CREATE POLICY");
  EXPECT_EQ(tag("alter table t repair partition"), "ALTER TABLE … REPAIR PARTITION");
}

}  // namespace
}  // namespace tajo::sql
