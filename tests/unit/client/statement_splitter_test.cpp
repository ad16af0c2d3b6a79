#include "statement_splitter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tajo::client {
namespace {

using ::testing::ElementsAre;
using State = StatementSplitter::State;

std::vector<std::string> split(std::initializer_list<const char*> lines, std::string* rest = nullptr) {
  StatementSplitter splitter;
  for (const char* line : lines) splitter.feed(line);
  std::vector<std::string> all;
  while (auto statement = splitter.next()) all.push_back(*statement);
  if (rest != nullptr) *rest = splitter.take_rest();
  return all;
}

TEST(Splitter, SemicolonsOutsideOfQuotesOnly) {
  EXPECT_THAT(split({"a; b ;", "c", "d;"}), ElementsAre("a", "b", "c\nd"));
  EXPECT_THAT(split({"select ';', \";\" ;"}), ElementsAre("select ';', \";\""));
  EXPECT_THAT(split({"select 'it''s;';"}), ElementsAre("select 'it''s;'"));
  EXPECT_THAT(split({"select E'it\\'s;';"}), ElementsAre("select E'it\\'s;'"));
  EXPECT_THAT(split({"select 'a\\';"}), ElementsAre("select 'a\\'"));
  EXPECT_THAT(split({"do $x$ ; $$ ; $x$;", "select $1;"}), ElementsAre("do $x$ ; $$ ; $x$", "select $1"));
}

TEST(Splitter, CommentsAreNoStatements) {
  std::string rest;
  EXPECT_THAT(split({"-- x; y", "/* a; /* b; */ c; */ ; ;", "select 1 -- end;", ";", "-- only"}, &rest), ElementsAre("select 1 -- end;"));
  EXPECT_EQ(rest, "");
  EXPECT_THAT(split({"select 1; select 2"}, &rest), ElementsAre("select 1"));
  EXPECT_EQ(rest, "select 2");
}

TEST(Splitter, StateForThePrompt) {
  StatementSplitter splitter;
  EXPECT_EQ(splitter.state(), State::kStart);
  splitter.feed("select");
  EXPECT_EQ(splitter.state(), State::kStatement);
  splitter.feed("'open");
  EXPECT_EQ(splitter.state(), State::kQuote);
  splitter.feed("closed';");
  EXPECT_EQ(splitter.state(), State::kStart);
}

}  // namespace
}  // namespace tajo::client
