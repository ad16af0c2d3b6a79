// What real libpq sees of the server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <sched.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <thread>

#include "running_server.hpp"
#include "tajo/common/clock.hpp"

namespace tajo::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Close {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* result) const { PQclear(result); }
};
using Conn = std::unique_ptr<PGconn, Close>;
using Result = std::unique_ptr<PGresult, Close>;

Conn connect(const std::string& info) { return Conn(PQconnectdb(info.c_str())); }
Result query(const Conn& c, const char* sql) { return Result(PQexec(c.get(), sql)); }
std::string cell(const Result& r, int row, int column) { return PQgetvalue(r.get(), row, column); }
std::string field(const Result& r, int code) {
  const char* text = PQresultErrorField(r.get(), code);
  return text == nullptr ? "" : text;
}
bool wait_until(const std::function<bool()>& condition, int ms = 3000) {
  for (int i = 0; i < ms / 5; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

TEST(Login, OwnerEntersByTheSocketWithoutPassword) {
  RunningServer s;
  Conn c = connect(s.local());
  ASSERT_EQ(PQstatus(c.get()), CONNECTION_OK) << PQerrorMessage(c.get());
  EXPECT_THAT(PQparameterStatus(c.get(), "server_version"), StartsWith("15.0 (Tajo"));
  EXPECT_STREQ(PQparameterStatus(c.get(), "in_hot_standby"), "off");
  EXPECT_STREQ(PQparameterStatus(c.get(), "standard_conforming_strings"), "on");
  EXPECT_STREQ(PQparameterStatus(c.get(), "is_superuser"), "on");
  EXPECT_EQ(PQserverVersion(c.get()), 150000);
}

TEST(Login, TcpWantsTheRightPassword) {
  RunningServer s;
  EXPECT_EQ(PQstatus(connect(s.tcp("alice", "wonder,land")).get()), CONNECTION_OK);
  Conn wrong = connect(s.tcp("alice", "wonder"));
  Conn unknown = connect(s.tcp("mallory", "wonder,land"));
  EXPECT_THAT(PQerrorMessage(wrong.get()), HasSubstr("password authentication failed for user \"alice\""));
  EXPECT_THAT(PQerrorMessage(unknown.get()), HasSubstr("password authentication failed for user \"mallory\""));
  // the owner's name is worth nothing without the socket
  EXPECT_NE(PQstatus(connect(s.tcp(user_name(), "x")).get()), CONNECTION_OK);
}

TEST(Login, OtherNamesOnTheSocketNeedTheirPassword) {
  RunningServer s;
  EXPECT_EQ(PQstatus(connect(s.local() + " user=alice password='wonder,land'").get()), CONNECTION_OK);
  EXPECT_NE(PQstatus(connect(s.local() + " user=alice password=x").get()), CONNECTION_OK);
}

TEST(Login, DatabaseMustExistAndDefaultsToDefault) {
  RunningServer s;
  EXPECT_THAT(PQerrorMessage(connect(s.local() + " dbname=nowhere").get()), HasSubstr("database \"nowhere\" does not exist"));
  EXPECT_EQ(PQstatus(connect(s.local() + " dbname=" + user_name()).get()), CONNECTION_OK);
}

TEST(Login, BackupsAnswerAsStandby) {
  RunningServer s;
  s.service.active = false;
  EXPECT_EQ(PQstatus(connect(s.local() + " target_session_attrs=standby").get()), CONNECTION_OK);
  EXPECT_NE(PQstatus(connect(s.local() + " target_session_attrs=primary").get()), CONNECTION_OK);
  Conn c = connect(s.local());
  s.service.active = true;
  query(c, "SELECT 1");
  EXPECT_STREQ(PQparameterStatus(c.get(), "in_hot_standby"), "off");
}

TEST(Login, TooManyClientsAreTold) {
  RunningServer s(1);
  Conn first = connect(s.local());
  ASSERT_EQ(PQstatus(first.get()), CONNECTION_OK);
  EXPECT_THAT(PQerrorMessage(connect(s.local()).get()), HasSubstr("too many clients"));
  first.reset();
  EXPECT_TRUE(wait_until([&] { return PQstatus(connect(s.local()).get()) == CONNECTION_OK; }));
}

TEST(Login, SessionIsTakenUpByItsToken) {
  RunningServer s;
  Conn a = connect(s.local());
  std::string token = PQparameterStatus(a.get(), "tajo.session");
  Conn b = connect(s.local() + " options='-c tajo.session=" + token + "'");
  EXPECT_EQ(PQparameterStatus(b.get(), "tajo.session"), token);
  EXPECT_EQ(s.service.resumed, 1);
  a.reset();  // the old connection's end does not take the session away
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(cell(query(b, "SELECT 1"), 0, 0), "1");
}

TEST(Query, TextOfEveryType) {
  RunningServer s;
  Conn c = connect(s.local());
  query(c, "SET TIME ZONE 'America/New_York'");
  Result r = query(c, "SELECT types");
  ASSERT_EQ(PQresultStatus(r.get()), PGRES_TUPLES_OK) << PQerrorMessage(c.get());
  const char* wanted[] = {"t", "-7", "-300", "70000", "1152921504606846976", "1.5", "0.1", "-1.05",
                          "-123456789012345678.9000000005", "abc", "grüße", "a longer text than twelve bytes", "\\x01ff",
                          "1582-10-15", "01:02:03.0005", "2023-11-14 22:13:20.123456", "2023-11-14 17:13:20.123456-05",
                          "1 year 2 mons 3 days -01:00:00"};
  for (int i = 0; i < PQnfields(r.get()); ++i) {
    EXPECT_EQ(cell(r, 0, i), wanted[i]) << PQfname(r.get(), i);
    EXPECT_TRUE(PQgetisnull(r.get(), 1, i));
  }
  EXPECT_EQ(PQftype(r.get(), 7), 1700U);
  EXPECT_EQ(PQfmod(r.get(), 7), ((15 << 16) | 2) + 4);
}

TEST(Query, SeveralStatementsAndEmptyOnes) {
  RunningServer s;
  Conn c = connect(s.local());
  ASSERT_EQ(PQsendQuery(c.get(), "CREATE TABLE x; SELECT 1; SELECT rows 3"), 1);
  std::vector<std::string> tags;
  while (Result r{PQgetResult(c.get())}) tags.push_back(PQcmdStatus(r.get()));
  EXPECT_THAT(tags, ::testing::ElementsAre("CREATE TABLE", "SELECT 1", "SELECT 3"));
  EXPECT_EQ(PQresultStatus(query(c, " ").get()), PGRES_EMPTY_QUERY);
}

TEST(Query, ErrorsCarryTheirFieldsAndTheConnectionGoesOn) {
  RunningServer s;
  Conn c = connect(s.local());
  Result r = query(c, "SELECT error");
  EXPECT_EQ(field(r, PG_DIAG_SQLSTATE), "42703");
  EXPECT_EQ(field(r, PG_DIAG_STATEMENT_POSITION), "8");
  EXPECT_EQ(field(r, PG_DIAG_MESSAGE_HINT), "Look again.");
  EXPECT_EQ(field(r, PG_DIAG_MESSAGE_DETAIL), "No such thing.");
  EXPECT_EQ(field(r, PG_DIAG_SEVERITY_NONLOCALIZED), "ERROR");
  EXPECT_EQ(field(query(c, "SELECT crash"), PG_DIAG_SQLSTATE), "XX000");
  EXPECT_EQ(field(query(c, "SELECT '\xff'"), PG_DIAG_SQLSTATE), "22021");
  EXPECT_EQ(cell(query(c, "SELECT 1"), 0, 0), "1");
}

TEST(Query, TransactionStatusIsTold) {
  RunningServer s;
  Conn c = connect(s.local());
  query(c, "BEGIN");
  EXPECT_EQ(PQtransactionStatus(c.get()), PQTRANS_INTRANS);
  query(c, "COMMIT");
  EXPECT_EQ(PQtransactionStatus(c.get()), PQTRANS_IDLE);
}

TEST(Query, ManyRowsAreStreamed) {
  RunningServer s;
  Conn c = connect(s.local());
  Result r = query(c, "SELECT rows 200000");
  ASSERT_EQ(PQntuples(r.get()), 200000) << PQerrorMessage(c.get());
  EXPECT_EQ(cell(r, 199999, 1), "this is the text of row 199999");
}

TEST(Query, SmallStatementIsCheap) {
  RunningServer s;
  Conn c = connect(s.local());
  query(c, "SELECT 1");
  Micros start = boottime_us();
  constexpr int kRounds = 500;
  for (int i = 0; i < kRounds; ++i) query(c, "SELECT 1");
  Micros each = (boottime_us() - start) / kRounds;
  std::printf("SELECT 1 through the server: %lld us\n", static_cast<long long>(each));
  EXPECT_LT(each, 5000);
}

TEST(Extended, ParametersAndBinaryResults) {
  RunningServer s;
  Conn c = connect(s.local());
  const char* values[] = {"a\0b", "text", nullptr};
  int lengths[] = {3, 0, 0};
  int formats[] = {1, 0, 0};
  Oid types[] = {17, 25, 23};
  Result r(PQexecParams(c.get(), "SELECT parameters", 3, types, values, lengths, formats, 0));
  ASSERT_EQ(PQntuples(r.get()), 3) << PQerrorMessage(c.get());
  EXPECT_EQ(cell(r, 0, 0), "\\x610062");
  EXPECT_EQ(cell(r, 1, 0), "text");
  EXPECT_TRUE(PQgetisnull(r.get(), 2, 0));
  Result binary(PQexecParams(c.get(), "SELECT 1", 0, nullptr, nullptr, nullptr, nullptr, 1));
  ASSERT_EQ(PQgetlength(binary.get(), 0, 0), 4);
  EXPECT_EQ(std::string(PQgetvalue(binary.get(), 0, 0), 4), std::string("\0\0\0\1", 4));
}

TEST(Extended, BinaryOfEveryType) {
  RunningServer s;
  Conn c = connect(s.local());
  Result r(PQexecParams(c.get(), "SELECT types", 0, nullptr, nullptr, nullptr, nullptr, 1));
  ASSERT_EQ(PQntuples(r.get()), 2) << PQerrorMessage(c.get());
  auto hex = [&](int column) {
    std::string text;
    char two[4];
    for (int i = 0; i < PQgetlength(r.get(), 0, column); ++i) {
      std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(PQgetvalue(r.get(), 0, column)[i]));
      text += two;
    }
    return text;
  };
  // as PostgreSQL's *_send functions give them
  const char* wanted[] = {"01", "fff9", "fed4", "00011170", "1000000000000000", "3fc00000", "3fb999999999999a"};
  for (int i = 0; i < 7; ++i) EXPECT_EQ(hex(i), wanted[i]) << i;
  EXPECT_EQ(hex(7), "0002000040000002000101f4");
  EXPECT_EQ(hex(13), "fffdacc0");
  EXPECT_EQ(hex(17), "ffffffff296c5c00" "00000003" "0000000e");
}

TEST(Extended, PreparedStatementsByName) {
  RunningServer s;
  Conn c = connect(s.local());
  EXPECT_EQ(PQresultStatus(Result(PQprepare(c.get(), "one", "SELECT 1", 0, nullptr)).get()), PGRES_COMMAND_OK);
  EXPECT_EQ(field(Result(PQprepare(c.get(), "one", "SELECT 1", 0, nullptr)), PG_DIAG_SQLSTATE), "42P05");
  Result described(PQdescribePrepared(c.get(), "one"));
  EXPECT_EQ(PQftype(described.get(), 0), 23U);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(cell(Result(PQexecPrepared(c.get(), "one", 0, nullptr, nullptr, nullptr, 0)), 0, 0), "1");
  EXPECT_EQ(field(Result(PQexecPrepared(c.get(), "two", 0, nullptr, nullptr, nullptr, 0)), PG_DIAG_SQLSTATE), "26000");
  EXPECT_EQ(field(Result(PQprepare(c.get(), "bad", "SELECT error", 0, nullptr)), PG_DIAG_SQLSTATE), "42703");
  EXPECT_EQ(cell(query(c, "SELECT 1"), 0, 0), "1");
}

TEST(Extended, PipelineSkipsToSyncAfterAnError) {
  RunningServer s;
  Conn c = connect(s.local());
  ASSERT_EQ(PQenterPipelineMode(c.get()), 1);
  PQsendQueryParams(c.get(), "SELECT 1", 0, nullptr, nullptr, nullptr, nullptr, 0);
  PQsendQueryParams(c.get(), "SELECT error", 0, nullptr, nullptr, nullptr, nullptr, 0);
  PQsendQueryParams(c.get(), "CREATE TABLE never", 0, nullptr, nullptr, nullptr, nullptr, 0);
  PQpipelineSync(c.get());
  PQsendQueryParams(c.get(), "CREATE TABLE after", 0, nullptr, nullptr, nullptr, nullptr, 0);
  PQpipelineSync(c.get());
  std::vector<ExecStatusType> seen;
  for (int nulls = 0; seen.size() < 6 && nulls < 20;) {
    Result r(PQgetResult(c.get()));
    if (r) seen.push_back(PQresultStatus(r.get())); else ++nulls;
  }
  EXPECT_THAT(seen, ::testing::ElementsAre(PGRES_TUPLES_OK, PGRES_FATAL_ERROR, PGRES_PIPELINE_ABORTED, PGRES_PIPELINE_SYNC,
                                           PGRES_COMMAND_OK, PGRES_PIPELINE_SYNC));
  EXPECT_THAT(s.service.log(), ::testing::Not(::testing::Contains("create table never")));
}

TEST(Copy, FromStdinInBothProtocols) {
  RunningServer s;
  Conn c = connect(s.local());
  for (bool extended : {false, true}) {
    Result start(extended ? PQexecParams(c.get(), "COPY t FROM STDIN", 0, nullptr, nullptr, nullptr, nullptr, 0)
                          : PQexec(c.get(), "COPY t FROM STDIN"));
    ASSERT_EQ(PQresultStatus(start.get()), PGRES_COPY_IN) << PQerrorMessage(c.get());
    std::string all;
    for (int i = 0; i < 10'000; ++i) {
      std::string line = std::to_string(i) + "\tline\n";
      all += line;
      ASSERT_EQ(PQputCopyData(c.get(), line.data(), static_cast<int>(line.size())), 1);
    }
    ASSERT_EQ(PQputCopyEnd(c.get(), nullptr), 1);
    EXPECT_STREQ(PQcmdStatus(Result(PQgetResult(c.get())).get()), "COPY 10000");
    while (Result more{PQgetResult(c.get())}) {
    }
    EXPECT_EQ(s.service.copied(), all);
  }
}

TEST(Copy, ClientMayGiveUp) {
  RunningServer s;
  Conn c = connect(s.local());
  query(c, "COPY t FROM STDIN");
  PQputCopyEnd(c.get(), "changed my mind");
  Result r(PQgetResult(c.get()));
  EXPECT_EQ(field(r, PG_DIAG_SQLSTATE), "57014");
  EXPECT_THAT(PQresultErrorMessage(r.get()), HasSubstr("COPY from stdin failed: changed my mind"));
  while (Result more{PQgetResult(c.get())}) {
  }
  EXPECT_EQ(cell(query(c, "SELECT 1"), 0, 0), "1");
}

TEST(Cancel, EndsTheRunningStatementOnly) {
  RunningServer s;
  Conn c = connect(s.tcp("alice", "wonder,land"));
  PQsendQuery(c.get(), "SELECT sleep 20000");
  ASSERT_TRUE(wait_until([&] { return s.service.running == 1; }));
  char problem[256];
  PGcancel* cancel = PQgetCancel(c.get());
  EXPECT_EQ(PQcancel(cancel, problem, sizeof problem), 1) << problem;
  Result r(PQgetResult(c.get()));
  EXPECT_EQ(field(r, PG_DIAG_SQLSTATE), "57014");
  while (Result more{PQgetResult(c.get())}) {
  }
  EXPECT_EQ(PQcancel(cancel, problem, sizeof problem), 1);  // nothing runs: nothing happens
  PQfreeCancel(cancel);
  EXPECT_EQ(cell(query(c, "SELECT 1"), 0, 0), "1");
}

TEST(Vanish, StatementIsAbandonedAndSessionStays) {
  RunningServer s;
  Conn c = connect(s.local());
  PQsendQuery(c.get(), "SELECT sleep 20000");
  ASSERT_TRUE(wait_until([&] { return s.service.running == 1; }));
  ::shutdown(PQsocket(c.get()), SHUT_RDWR);
  c.reset();
  EXPECT_TRUE(wait_until([&] { return s.service.running == 0 && s.service.left == 1; }));
  EXPECT_EQ(s.service.abandoned, 1);
  EXPECT_EQ(s.service.sessions, 1);
  EXPECT_TRUE(wait_until([&] { return s.server.connections() <= 1; }));
}

TEST(Vanish, AClientThatStopsReadingHoldsNothingAfterItIsGone) {
  RunningServer s;
  Conn c = connect(s.tcp("alice", "wonder,land"));
  PQsendQuery(c.get(), "SELECT rows 3000000");  // far more than the socket buffers take
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(s.service.sessions, 1);
  c.reset();
  EXPECT_TRUE(wait_until([&] { return s.service.sessions == 0 || s.service.left == 1; }));
}

TEST(Vanish, WhatTheClientHasTakenUpAgainGoesOn) {
  RunningServer s;
  Conn a = connect(s.local());
  PQsendQuery(a.get(), "SELECT sleep 1500");
  ASSERT_TRUE(wait_until([&] { return s.service.running == 1; }));
  Conn b = connect(s.local() + " options='-c tajo.session=" + PQparameterStatus(a.get(), "tajo.session") + "'");
  ::shutdown(PQsocket(a.get()), SHUT_RDWR);
  a.reset();
  EXPECT_TRUE(wait_until([&] { return s.service.running == 0; }));
  EXPECT_EQ(s.service.abandoned, 0);
  EXPECT_EQ(s.service.left, 0);
  b.reset();  // says goodbye
  EXPECT_TRUE(wait_until([&] { return s.service.sessions == 0; }));
}

TEST(Vanish, ASessionThatIsNotToBeKeptEndsWithItsConnection) {
  RunningServer s;
  Conn c = connect(s.local() + " options='-c tajo.session.keep=off'");
  EXPECT_EQ(cell(query(c, "SELECT 1"), 0, 0), "1");
  ::shutdown(PQsocket(c.get()), SHUT_RDWR);
  EXPECT_TRUE(wait_until([&] { return s.service.sessions == 0; }));
  EXPECT_EQ(s.service.left, 0);
  Conn wrong = connect(s.local() + " options='-c tajo.session.keep=perhaps'");
  EXPECT_THAT(PQerrorMessage(wrong.get()), HasSubstr("tajo.session.keep"));
}

TEST(Vanish, AGoodbyeAtOnceIsHeard) {  // though its connection is noticed to be gone before the first look at its messages
  // On one processor the client often closes before the connection's own thread runs again.
  cpu_set_t all, one;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  RunningServer s;
  constexpr int kTimes = 200;
  for (int i = 0; i < kTimes; ++i) {
    Conn a = connect(s.local());
    connect(s.local() + " options='-c tajo.session=" + PQparameterStatus(a.get(), "tajo.session") + "'").reset();
    ::shutdown(PQsocket(a.get()), SHUT_RDWR);
  }
  EXPECT_TRUE(wait_until([&] { return s.service.sessions == 0; })) << s.service.sessions;
  EXPECT_EQ(s.service.left, 0);
  ::sched_setaffinity(0, sizeof all, &all);
}

TEST(Vanish, AGoodbyeEndsTheSession) {
  RunningServer s;
  connect(s.local()).reset();
  EXPECT_TRUE(wait_until([&] { return s.service.sessions == 0; }));
  EXPECT_EQ(s.service.left, 0);
}

TEST(Stop, IdleClientsAreToldAndRunningOnesCancelled) {
  auto s = std::make_unique<RunningServer>();
  Conn idle = connect(s->local());
  Conn busy = connect(s->local());
  PQsendQuery(busy.get(), "SELECT sleep 20000");
  ASSERT_TRUE(wait_until([&] { return s->service.running == 1; }));
  Micros start = boottime_us();
  s->server.stop();
  EXPECT_LT(boottime_us() - start, 3'000'000);
  EXPECT_EQ(s->service.sessions, 2);  // they may be taken up elsewhere
  Result r = query(idle, "SELECT 1");
  EXPECT_THAT(PQerrorMessage(idle.get()), HasSubstr("terminating connection due to administrator command"));
}

TEST(Start, BusyPortNamesAddressAndKey) {
  RunningServer s;
  pgwire::PgServerConfig config;
  config.host = "127.0.0.1";
  config.port = s.server.port();
  pgwire::PgServer second(config, s.service);
  try {
    second.start();
    FAIL() << "two servers on one port";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("127.0.0.1:" + std::to_string(s.server.port())));
    EXPECT_THAT(error.message(), HasSubstr("tajo.master.client-rpc.address"));
  }
}

}  // namespace
}  // namespace tajo::testing
