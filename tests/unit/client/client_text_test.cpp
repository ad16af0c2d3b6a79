#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_list.hpp"
#include "progress_watch.hpp"
#include "result_printer.hpp"
#include "tajo/common/error.hpp"
#include "tsql_options.hpp"

namespace tajo::client {
namespace {

TEST(Hosts, ListsPortsAndSockets) {
  using List = std::vector<HostAddress>;
  EXPECT_EQ(parse_hosts("a", ""), (List{{"a", 26002}}));
  EXPECT_EQ(parse_hosts("a,b:1,[::1]:2,::1,/dir", "9"), (List{{"a", 9}, {"b", 1}, {"::1", 2}, {"::1", 9}, {"/dir", 9}}));
  EXPECT_EQ(parse_hosts("a,b", "1,2"), (List{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(parse_hosts("a", "1,2"), (List{{"a", 1}, {"a", 2}}));
  for (auto [hosts, ports] : {std::pair{"a,,b", ""}, {"a:x", ""}, {"a", "0"}, {"a", "70000"}, {"[::1", ""}, {"a,b,c", "1,2"}})
    EXPECT_THROW(parse_hosts(hosts, ports), Error) << hosts << " " << ports;
}

TEST(Options, TajosSpelling) {
  TsqlOptions options;
  int status = -1;
  ASSERT_TRUE(parse_tsql_options({"-h", "m1,m2", "-p", "1", "-conf", "a=b", "-conf", "c=d=e", "-param", "x=1", "-c", "select 1", "tpch"}, options, status));
  EXPECT_EQ(options.host, "m1,m2");
  EXPECT_EQ(options.database, "tpch");
  EXPECT_EQ(options.settings, (std::vector<std::pair<std::string, std::string>>{{"a", "b"}, {"c", "d=e"}}));
  EXPECT_EQ(options.commands, std::vector<std::string>{"select 1"});
  EXPECT_EQ(fill_parameters("${x}+${x}+${y}", options.parameters), "1+1+${y}");
  EXPECT_FALSE(parse_tsql_options({"-conf", "novalue"}, options, status));
  EXPECT_EQ(status, 2);
}

TEST(Texts, BytesAndProgress) {
  EXPECT_EQ(readable_bytes(0), "0 B");
  EXPECT_EQ(readable_bytes(1023), "1023 B");
  EXPECT_EQ(readable_bytes(1536), "1.5 KiB");
  EXPECT_EQ(progress_line({"q", 0, 0}, 0.5), "[>                        ] 0%  0 rows  0.50 sec");
  EXPECT_EQ(progress_line({"q", 0.42, 7}, 3.18), "[==========>              ] 42%  7 rows  3.18 sec");
  EXPECT_EQ(progress_line({"q", 1.7, 7}, 3.18), "[=========================] 100%  7 rows  3.18 sec");
}

}  // namespace
}  // namespace tajo::client
