// Bytes that no well-behaved client sends, and what libpq cannot be made to send.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.hpp"
#include "running_server.hpp"

namespace tajo::testing {
namespace {

using ::testing::HasSubstr;
using pgwire::OutMessage;
using pgwire::put_i16;
using pgwire::put_i32;
using pgwire::put_text;

/// A client of the Unix socket that speaks bytes.
class RawClient {
 public:
  explicit RawClient(const RunningServer& server) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string path = server.server.socket_path();
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    timeval limit{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~RawClient() { ::close(fd_); }
  void send(const std::string& bytes) { EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size())); }
  std::string receive(std::size_t n) {
    std::string out(n, '\0');
    ssize_t got = ::recv(fd_, out.data(), n, MSG_WAITALL);
    out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return out;
  }
  /// Types of the messages up to and with `last` (or the end of the stream); bodies are gathered in `bodies`.
  std::string until(char last) {
    std::string types;
    while (types.empty() || types.back() != last) {
      std::string header = receive(5);
      if (header.size() < 5) return types + "!";
      std::uint32_t length;
      std::memcpy(&length, header.data() + 1, 4);
      bodies += receive(ntohl(length) - 4);
      types.push_back(header[0]);
    }
    return types;
  }
  void login(std::uint32_t version = 3 << 16, const std::string& extra = "") {
    std::string body;
    put_i32(body, version);
    const std::string user = user_name();
    for (std::string_view text : {std::string_view("user"), std::string_view(user), std::string_view("database"), std::string_view("default")}) put_text(body, text);
    body += extra;
    body.push_back('\0');
    std::string packet;
    put_i32(packet, static_cast<std::int64_t>(body.size() + 4));
    send(packet + body);
  }
  std::string bodies;

 private:
  int fd_;
};

std::string message(char type, const std::string& body) {
  std::string out;
  {
    OutMessage m(out, type);
    out += body;
  }
  return out;
}
std::string text(const std::string& s) { return s + '\0'; }
std::string i16(int v) {
  std::string out;
  put_i16(out, v);
  return out;
}
std::string i32(std::int64_t v) {
  std::string out;
  put_i32(out, v);
  return out;
}
std::string parse(const std::string& name, const std::string& sql) { return message('P', text(name) + text(sql) + i16(0)); }
std::string bind(const std::string& portal, const std::string& name) {
  return message('B', text(portal) + text(name) + i16(0) + i16(0) + i16(0));
}
std::string execute(const std::string& portal, int limit) { return message('E', text(portal) + i32(limit)); }
const std::string kSync = message('S', "");

TEST(Startup, EncryptionIsDeclinedThenTheLoginGoesOn) {
  RunningServer s;
  RawClient c(s);
  c.send(i32(8) + i32(80877104));
  EXPECT_EQ(c.receive(1), "N");
  c.send(i32(8) + i32(80877103));
  EXPECT_EQ(c.receive(1), "N");
  c.login();
  EXPECT_THAT(c.until('Z'), ::testing::MatchesRegex("RS+KZ"));
}

TEST(Startup, NewerMinorVersionIsNegotiated) {
  RunningServer s;
  RawClient c(s);
  c.login((3 << 16) + 2, text("_pq_.wish") + text("1"));
  EXPECT_EQ(c.until('v'), "v");
  EXPECT_EQ(c.bodies, i32(0) + i32(1) + text("_pq_.wish"));
  c.until('Z');
}

TEST(Startup, WrongProtocolsAndLengthsAreRefused) {
  RunningServer s;
  {
    RawClient c(s);
    c.login(2 << 16);
    EXPECT_EQ(c.until('E'), "E");
    EXPECT_THAT(c.bodies, HasSubstr("unsupported frontend protocol 2.0"));
  }
  for (std::string garbage : {i32(7), i32(10'001), i32(-1), std::string("GET / HTTP/1.1\r\n\r\n")}) {
    RawClient c(s);
    c.send(garbage);
    EXPECT_EQ(c.until('E'), "E");
    EXPECT_THAT(c.bodies, HasSubstr("08P01"));
    EXPECT_EQ(c.receive(1), "");
  }
}

TEST(Garbage, UnknownTypeAndImpossibleLengthCloseTheConnection) {
  RunningServer s;
  for (std::string garbage : {std::string("\x01\x02\x03\x04\x05\x06"), "Q" + i32(3), "Q" + i32(0x7fffffff), "H" + i32(20'000)}) {
    RawClient c(s);
    c.login();
    c.until('Z');
    c.bodies.clear();
    c.send(garbage);
    EXPECT_EQ(c.until('E'), "E");
    EXPECT_THAT(c.bodies, HasSubstr("FATAL"));
    EXPECT_THAT(c.bodies, HasSubstr("08P01"));
    EXPECT_EQ(c.receive(1), "");
  }
}

TEST(Garbage, BrokenBodiesAreErrorsOnly) {
  RunningServer s;
  RawClient c(s);
  c.login();
  c.until('Z');
  for (std::string broken : {message('B', "no end"), message('P', text("") + text("SELECT 1") + i16(5)), message('E', text("p")),
                             message('D', "?" + text("")), message('B', text("") + text("") + i16(1) + i16(7))}) {
    c.send(broken + kSync);
    EXPECT_EQ(c.until('Z'), "EZ");
  }
  c.send(message('Q', text("SELECT 1")));
  EXPECT_EQ(c.until('Z'), "TDCZ");
}

TEST(Portals, RowLimitSuspendsAndGoesOn) {
  RunningServer s;
  RawClient c(s);
  c.login();
  c.until('Z');
  c.send(parse("", "SELECT rows 5") + bind("p", "") + message('D', "P" + text("p")) + execute("p", 2) + execute("p", 2) +
         execute("p", 2) + execute("p", 2) + kSync);
  EXPECT_EQ(c.until('Z'), "12TDDsDDsDCCZ");
  EXPECT_THAT(c.bodies, HasSubstr("SELECT 1"));  // the last portion
  c.send(execute("p", 0) + kSync);               // outside of a block a portal ends with its Sync
  EXPECT_EQ(c.until('Z'), "EZ");
  EXPECT_THAT(c.bodies, HasSubstr("34000"));
}

TEST(Portals, LargeRestIsSpooledToDisk) {
  RunningServer s;
  RawClient c(s);
  c.login();
  c.until('Z');
  c.send(message('Q', text("BEGIN")));
  c.until('Z');
  c.send(parse("", "SELECT rows 400000") + bind("p", "") + execute("p", 1) + kSync);
  EXPECT_EQ(c.until('Z'), "12DsZ");
  c.send(message('Q', text("SELECT 1")));  // another statement in between
  EXPECT_EQ(c.until('Z'), "TDCZ");
  c.bodies.clear();
  c.send(execute("p", 0) + kSync);
  std::string types = c.until('Z');
  EXPECT_EQ(types.size(), 399'999U + 2);
  EXPECT_THAT(c.bodies.substr(c.bodies.size() - 200), HasSubstr("this is the text of row 399999"));
}

TEST(Portals, FlushAnswersWithoutSync) {
  RunningServer s;
  RawClient c(s);
  c.login();
  c.until('Z');
  c.send(parse("", "SELECT 1") + message('D', "S" + text("")) + message('H', ""));
  EXPECT_EQ(c.until('T'), "1tT");
  c.send(bind("", "") + execute("", 0) + message('C', "P" + text("")) + message('C', "S" + text("gone")) + kSync);
  EXPECT_EQ(c.until('Z'), "2DC33Z");
  c.send(parse("", "") + bind("", "") + message('D', "P" + text("")) + execute("", 0) + kSync);
  EXPECT_EQ(c.until('Z'), "12nIZ");
}

TEST(Query, FunctionCallAndStrayCopyMessages) {
  RunningServer s;
  RawClient c(s);
  c.login();
  c.until('Z');
  c.send(message('d', "late") + message('c', "") + message('F', i32(1)));
  EXPECT_EQ(c.until('Z'), "EZ");
  EXPECT_THAT(c.bodies, HasSubstr("0A000"));
  c.send(message('Q', text("NOTICE")));
  EXPECT_EQ(c.until('Z'), "NCZ");
  c.send(message('X', ""));
  EXPECT_EQ(c.receive(1), "");
}

TEST(Cancel, WrongKeyDoesNothing) {
  RunningServer s;
  RawClient c(s);
  c.send(i32(16) + i32(80877102) + i32(1) + i32(1234));
  EXPECT_EQ(c.receive(1), "");
  EXPECT_EQ(s.service.cancels, 0);
}

}  // namespace
}  // namespace tajo::testing
