// HTTP/1.1 on one socket: Beast parses, deadlines bound every wait.
#include "connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <algorithm>
#include <cerrno>

#include "tajo/common/clock.hpp"

namespace tajo::http {
namespace {

namespace beast_http = boost::beast::http;
constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;
constexpr std::size_t kReadBytes = 8 * 1024;
constexpr int kRequestsPerConnection = 10'000;
// A refused body that is a little too long is still on its way.
constexpr std::size_t kLingerBytes = 3 * kMaxJsonBytes, kLingerReadBytes = 64 * 1024;
constexpr Micros kLingerPauseUs = 200'000, kLingerUs = 2'000'000;

class Connection {
 public:
  Connection(int fd, const HttpServerConfig& config, Router& router) : fd_(fd), config_(config), router_(router) {}
  ~Connection() {
    ::shutdown(fd_, SHUT_WR);
    char drop[kLingerReadBytes];  // an answer must not be overtaken by a reset because of unread bytes
    const Micros end = boottime_us() + kLingerUs;
    for (std::size_t dropped = 0; dropped < kLingerBytes && wait(POLLIN, std::min(end, boottime_us() + kLingerPauseUs));) {
      const ssize_t n = ::recv(fd_, drop, sizeof drop, 0);
      if (n <= 0) break;
      dropped += static_cast<std::size_t>(n);
    }
    ::close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void run() {
    for (int i = 0; i < kRequestsPerConnection; ++i)
      if (!serve_one()) return;
  }

 private:
  enum class Input { kData, kEnd, kLate };

  bool wait(short event, Micros deadline) {
    for (;;) {
      Micros left = deadline - boottime_us();
      if (left <= 0) return false;
      pollfd waiting{fd_, event, 0};
      int ready = ::poll(&waiting, 1, static_cast<int>(left / 1000) + 1);
      if (ready < 0 && errno == EINTR) continue;
      return ready > 0;
    }
  }

  Input read_more(Micros deadline) {
    if (!wait(POLLIN, deadline)) return Input::kLate;
    std::size_t have = input_.size();
    input_.resize(have + kReadBytes);
    ssize_t got = ::recv(fd_, input_.data() + have, kReadBytes, 0);
    input_.resize(have + (got > 0 ? static_cast<std::size_t>(got) : 0));
    return got > 0 ? Input::kData : Input::kEnd;
  }

  bool write_all(const std::string& text) {
    Micros deadline = boottime_us() + config_.request_timeout_ms * 1000;
    std::size_t done = 0;
    while (done < text.size()) {
      if (!wait(POLLOUT, deadline)) return false;
      ssize_t put = ::send(fd_, text.data() + done, text.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (put < 0) return false;
      done += static_cast<std::size_t>(put);
    }
    return true;
  }

  bool send(const Response& response, bool head, bool keep_alive) {
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason_of(response.status)) + "\r\n";
    auto header = [&](std::string_view name, std::string_view value) {
      text.append(name).append(": ").append(value).append("\r\n");
    };
    for (const auto& [name, value] : response.headers) header(name, value);
    header("Content-Length", std::to_string(response.body.size()));
    header("Cache-Control", "no-store");
    header("X-Content-Type-Options", "nosniff");
    header("Referrer-Policy", "no-referrer");
    header("Connection", keep_alive ? "keep-alive" : "close");
    text += "\r\n";
    if (!head) text += response.body;
    return write_all(text);
  }

  bool refuse(int status, std::string_view why) {
    send(plain(status, why), false, false);
    return false;
  }

  static int status_of(const boost::system::error_code& failure) {
    if (failure == beast_http::error::header_limit) return 431;
    if (failure == beast_http::error::body_limit) return 413;
    if (failure == beast_http::error::bad_version) return 505;
    return 400;
  }

  /// The head is there: how long may what follows be, and does the client wait to be asked for it? False: too long.
  bool expect_body(beast_http::request_parser<beast_http::string_body>& parser) {
    const std::uint64_t limit = max_body_bytes(std::string_view(parser.get().target()));
    if (parser.content_length().value_or(0) > limit) return false;
    parser.body_limit(limit);
    if (beast_http::token_list(parser.get()[beast_http::field::expect]).exists("100-continue")) write_all("HTTP/1.1 100 Continue\r\n\r\n");
    return true;
  }

  /// False: the connection is over.
  bool serve_one() {
    if (input_.empty() && read_more(boottime_us() + config_.idle_timeout_ms * 1000) != Input::kData) return false;
    Micros deadline = boottime_us() + config_.request_timeout_ms * 1000;
    beast_http::request_parser<beast_http::string_body> parser;
    parser.header_limit(kMaxHeaderBytes);
    parser.body_limit(kMaxJsonBytes);
    for (bool headed = false; !parser.is_done();) {
      boost::system::error_code failure;
      std::size_t used = parser.put(boost::asio::buffer(input_.data(), input_.size()), failure);
      input_.erase(0, used);
      if (failure && failure != beast_http::error::need_more) return refuse(status_of(failure), failure.message());
      if (parser.is_done()) break;
      if (!headed && parser.is_header_done()) {
        headed = true;
        if (!expect_body(parser)) return refuse(413, "the body is too long");
        parser.eager(true);
        continue;  // of what was read the body may be a part
      }
      switch (read_more(deadline)) {
        case Input::kData: break;
        case Input::kEnd: return false;
        case Input::kLate: return refuse(408, "the request took too long");
      }
    }
    const auto& message = parser.get();
    Request request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.cookie = std::string(message[beast_http::field::cookie]);
    request.authorization = std::string(message[beast_http::field::authorization]);
    request.content_type = std::string(message[beast_http::field::content_type]);
    request.session = std::string(message["X-Tajo-Session"]);
    request.request_id = std::string(message["X-Tajo-Request-Id"]);
    request.body = message.body();
    bool keep_alive = message.keep_alive();
    return send(router_.answer(request), request.method == "HEAD", keep_alive) && keep_alive;
  }

  int fd_;
  const HttpServerConfig& config_;
  Router& router_;
  std::string input_;
};

}  // namespace

void serve_connection(int fd, const HttpServerConfig& config, Router& router) noexcept {
  try {
    Connection connection(fd, config, router);
    connection.run();
  } catch (const std::exception&) {
    return;  // no memory for this client: it is closed
  }
}

}  // namespace tajo::http
