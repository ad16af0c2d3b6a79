// The web server as a browser and as a hostile client see it.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "fake_service.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/http/server.hpp"

namespace tajo::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// of the password "wonder,land"
constexpr const char* kSecret =
    "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$zIKrNBN36aDA6z9jV8YnLhKZrfpI1lj9Uc1lUZ92iyg=:v+53xaq7A1DAsbDxevKoOjENz8IGUCNz2Wo5O2bVwpU=";

class Http : public ::testing::Test {
 protected:
  Http() : service_("owner") {
    service_.add_user("alice", secret());
    http::HttpServerConfig config;
    config.host = "127.0.0.1";
    config.port = 0;
    config.request_timeout_ms = 300;
    config.idle_timeout_ms = 1000;
    config.max_connections = 8;
    server_ = std::make_unique<http::HttpServer>(config, service_);
    server_->start();
  }
  static std::string secret() { return kSecret; }

  int connect() const {
    int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    timeval limit{5, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
  }
  /// Sends bytes, returns all that comes until the end of the stream.
  std::string talk(const std::string& bytes) const {
    int fd = connect();
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    std::string out = rest_of(fd);
    ::close(fd);
    return out;
  }
  static std::string rest_of(int fd) {
    std::string out;
    char buffer[4096];
    for (ssize_t n = ::recv(fd, buffer, sizeof buffer, 0); n > 0; n = ::recv(fd, buffer, sizeof buffer, 0)) out.append(buffer, static_cast<std::size_t>(n));
    return out;
  }
  std::string get(const std::string& target, const std::string& headers = "", const std::string& method = "GET") const {
    return talk(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n");
  }
  std::string post(const std::string& target, const std::string& body, const std::string& headers = "") const {
    return talk("POST " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body);
  }
  std::string log_in() const {
    std::string answer = post("/login", "user=alice&password=wonder%2Cland");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 303 ")) << answer;
    std::size_t at = answer.find("Set-Cookie: ") + 12;
    return "Cookie: other=1; " + answer.substr(at, answer.find(';', at) - at) + "\r\n";
  }
  FakeService service_;
  std::unique_ptr<http::HttpServer> server_;
};

TEST_F(Http, NothingIsShownWithoutLogin) {
  EXPECT_THAT(get("/"), HasSubstr("303 See Other\r\nLocation: /login\r\n"));
  std::string api = get("/api/status");
  EXPECT_THAT(api, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(api, Not(HasSubstr("members")));
  EXPECT_THAT(get("/login"), HasSubstr("<form method=\"post\" action=\"/login\""));
  EXPECT_THAT(get("/api/status", "Cookie: tajo_" + std::to_string(server_->port()) + "=0123\r\n"), StartsWith("HTTP/1.1 401 "));
}

TEST_F(Http, LoginShowsPageAndStatus) {
  std::string cookie = log_in();
  std::string page = get("/", cookie);
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(page, HasSubstr("alice"));
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy: default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("%USER%")));
  EXPECT_THAT(page, Not(HasSubstr("http://")));  // nothing from elsewhere
  std::string status = get("/api/status?x=1", cookie);
  EXPECT_THAT(status, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(status, HasSubstr("\"role\":\"active\""));
  EXPECT_THAT(post("/logout", "", cookie), HasSubstr("Max-Age=0"));
  EXPECT_THAT(get("/api/status", cookie), StartsWith("HTTP/1.1 401 "));
}

TEST_F(Http, RecordedResults) {
  EXPECT_THAT(get("/rest/queries/q_1_2/result"), StartsWith("HTTP/1.1 401 "));
  std::string cookie = log_in();
  std::string result = get("/rest/queries/q_1_2/result", cookie);
  EXPECT_THAT(result, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(result, HasSubstr(R"({"query_id":"q_1_2","columns":[{"name":"n","type":"INT8"},{"name":"t","type":"TEXT"}],"rows":[[1,"a \"b\""],[2,null]]})"));
  EXPECT_THAT(get("/rest/queries/q_9_9/result", cookie), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/rest/queries/q_1_2';--/result", cookie), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/rest/queries//result", cookie), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(post("/rest/queries/q_1_2/result", "", cookie), StartsWith("HTTP/1.1 405 "));
}

TEST_F(Http, CookieIsForThisSiteOnly) {
  std::string answer = post("/login", "user=alice&password=wonder%2Cland");
  EXPECT_THAT(answer, HasSubstr("; HttpOnly; SameSite=Strict"));
  EXPECT_THAT(answer, HasSubstr("Set-Cookie: tajo_" + std::to_string(server_->port()) + "="));
}

TEST_F(Http, WrongPasswordsAreRefusedAndSlow) {
  Micros start = boottime_us();
  for (const char* form : {"user=alice&password=x", "user=mallory&password=wonder%2Cland", "", "user=alice"}) {
    std::string answer = post("/login", form);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 ")) << form;
    EXPECT_THAT(answer, HasSubstr("Wrong user or password."));
    EXPECT_THAT(answer, Not(HasSubstr("Set-Cookie")));
  }
  EXPECT_GT(boottime_us() - start, 4 * 400'000);
}

TEST_F(Http, WhatIsNotThereOrNotAllowed) {
  EXPECT_THAT(get("/nothing"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/../etc/passwd"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/", "", "DELETE"), HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_THAT(get("/logout"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(post("/login", std::string(20'000, 'x')), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(get("/", "X: " + std::string(20'000, 'x') + "\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(talk("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(talk("GET / HTTP/9.9\r\n\r\n"), StartsWith("HTTP/1.1 "));
  EXPECT_THAT(talk(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)), StartsWith("HTTP/1.1 400 "));
}

TEST_F(Http, HeadHasNoBodyAndConnectionsAreKept) {
  std::string head = get("/login", "", "HEAD");
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  std::string two = talk("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(two.find("404"), two.rfind("HTTP/1.1 404") + 9);
}

TEST_F(Http, SlowAndSilentClientsAreLetGo) {
  EXPECT_THAT(talk("GET / HTTP/1.1\r\nHost:"), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(talk(""), "");  // after the idle time
}

TEST_F(Http, TooManyConnectionsAreClosedAndOthersServedAfterwards) {
  std::vector<int> held;
  for (int i = 0; i < 12; ++i) held.push_back(connect());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  for (int fd : held) ::close(fd);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_THAT(get("/login"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(Http, BusyPortNamesAddressAndKey) {
  http::HttpServerConfig config;
  config.host = "127.0.0.1";
  config.port = server_->port();
  http::HttpServer second(config, service_);
  try {
    second.start();
    FAIL() << "two servers on one port";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
    EXPECT_THAT(error.message(), HasSubstr("tajo.master.info-http.address"));
  }
}

TEST_F(Http, StopDoesNotWaitForIdleClients) {
  int fd = connect();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  Micros start = boottime_us();
  server_->stop();
  EXPECT_LT(boottime_us() - start, 900'000);
  ::close(fd);
}

}  // namespace
}  // namespace tajo::testing
