// The web server as a browser and as a hostile client see it.
#include "running_web_server.hpp"
#include "tajo/common/clock.hpp"

namespace tajo::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

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
