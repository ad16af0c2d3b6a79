#pragma once
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "fake_service.hpp"
#include "tajo/http/server.hpp"

namespace tajo::testing {

// of the password "wonder,land"
inline constexpr const char* kSecret =
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
    EXPECT_THAT(answer, ::testing::StartsWith("HTTP/1.1 303 ")) << answer;
    std::size_t at = answer.find("Set-Cookie: ") + 12;
    return "Cookie: other=1; " + answer.substr(at, answer.find(';', at) - at) + "\r\n";
  }
  FakeService service_;
  std::unique_ptr<http::HttpServer> server_;
};

}  // namespace tajo::testing
