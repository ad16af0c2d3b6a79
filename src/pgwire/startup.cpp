#include "startup.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "message.hpp"
#include "scram.hpp"

namespace tajo::pgwire {
namespace {

constexpr std::uint32_t kCancelCode = 80877102;
constexpr std::uint32_t kSslCode = 80877103;
constexpr std::uint32_t kGssCode = 80877104;
constexpr std::int32_t kAuthenticationOk = 0, kSasl = 10, kSaslContinue = 11, kSaslFinal = 12;
constexpr std::uint32_t kMaxSaslBytes = 65'535;
constexpr std::string_view kMechanism = "SCRAM-SHA-256";

StartupMessage parse_startup(std::uint32_t version, BodyReader& body) {
  StartupMessage startup;
  startup.minor = static_cast<int>(version & 0xffff);
  for (;;) {
    std::string name(body.text());
    if (name.empty()) break;
    std::string value(body.text());
    if (name == "user") {
      startup.user = value;
    } else if (name == "database") {
      startup.database = value;
    } else if (name == "options") {
      for (auto& setting : parse_options(value)) startup.settings.push_back(std::move(setting));
    } else if (name == "replication") {
      if (value != "false" && value != "off" && value != "no" && value != "0")
        throw FatalError(sqlstate::kFeatureNotSupported, "replication connections are not supported");
    } else if (name.starts_with("_pq_.")) {
      startup.unknown_protocol_options.push_back(name);
    } else {
      startup.settings.emplace_back(std::move(name), std::move(value));
    }
  }
  body.expect_end();
  if (startup.user.empty()) throw FatalError("28000", "no user name specified in startup packet");
  return startup;
}

std::string read_sasl(Socket& socket) {
  Message message;
  if (!read_message(socket, message)) throw ConnectionClosed();
  if (message.type != 'p')
    throw FatalError(sqlstate::kProtocolViolation, std::string("expected SASL response, got message type ") + message.type);
  if (message.body.size() > kMaxSaslBytes) throw FatalError(sqlstate::kProtocolViolation, "SASL response is too long");
  return std::move(message.body);
}

void send_authentication(Socket& socket, std::int32_t kind, std::string_view data) {
  {
    OutMessage message(socket.out(), 'R');
    put_i32(socket.out(), kind);
    socket.out().append(data);
  }
  socket.flush();
}

void scram(Socket& socket, const std::string& user, master::ClientService& service, const std::string& mock_secret) {
  std::optional<master::ScramKeys> keys;
  if (auto secret = service.secret(user)) keys = master::parse_scram_secret(secret->text);
  ScramExchange exchange(std::move(keys), user, mock_secret);
  std::string mechanisms(kMechanism);
  mechanisms.push_back('\0');
  mechanisms.push_back('\0');
  send_authentication(socket, kSasl, mechanisms);

  std::string initial = read_sasl(socket);
  BodyReader body(initial);
  if (body.text() != kMechanism)
    throw FatalError(sqlstate::kProtocolViolation, "client selected an invalid SASL authentication mechanism");
  std::int32_t length = body.i32();
  std::string_view client_first = body.raw(length < 0 ? 0 : static_cast<std::size_t>(length));
  body.expect_end();
  send_authentication(socket, kSaslContinue, exchange.first(client_first));

  std::optional<std::string> answer = exchange.final(read_sasl(socket));
  if (!answer) throw FatalError("28P01", "password authentication failed for user \"" + user + "\"");
  send_authentication(socket, kSaslFinal, *answer);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_options(std::string_view options) {
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < options.size(); ++i) {
    char c = options[i];
    if (c == ' ' || c == '\t' || c == '\n') {
      in_word = false;
      continue;
    }
    if (c == '\\' && i + 1 < options.size()) c = options[++i];
    if (!in_word) words.emplace_back();
    in_word = true;
    words.back().push_back(c);
  }
  std::vector<std::pair<std::string, std::string>> settings;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string setting;
    if (words[i] == "-c" && i + 1 < words.size()) {
      setting = words[++i];
    } else if (words[i].starts_with("-c") || words[i].starts_with("--")) {
      setting = words[i].substr(2);
    }
    std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0)
      throw FatalError(sqlstate::kSyntaxError, "invalid command-line argument: " + words[i]);
    settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return settings;
}

std::variant<StartupMessage, CancelRegistry::Key> read_startup(Socket& socket) {
  bool ssl_asked = false, gss_asked = false;
  for (;;) {
    std::uint32_t length;
    if (!socket.read(&length, sizeof length)) throw ConnectionClosed();
    length = __builtin_bswap32(length);
    if (length < 8 || length > kMaxStartupBytes)
      throw FatalError(sqlstate::kProtocolViolation, "invalid length of startup packet");
    std::string packet;
    socket.append_to(packet, length - 4);
    BodyReader body(packet);
    auto code = static_cast<std::uint32_t>(body.i32());
    if (code == kCancelCode) {
      CancelRegistry::Key key;
      key.process = body.i32();
      key.secret = body.i32();
      return key;
    }
    if ((code == kSslCode && !ssl_asked) || (code == kGssCode && !gss_asked)) {
      (code == kSslCode ? ssl_asked : gss_asked) = true;
      socket.out().push_back('N');
      socket.flush();
      continue;
    }
    if (code >> 16 != 3)
      throw FatalError(sqlstate::kFeatureNotSupported, "unsupported frontend protocol " + std::to_string(code >> 16) + "." +
                                                           std::to_string(code & 0xffff) + ": server supports 3.0 to 3.0");
    return parse_startup(code, body);
  }
}

void authenticate(Socket& socket, bool local, const std::string& user, master::ClientService& service,
                  const std::string& mock_secret) {
  if (local) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != ::geteuid())
      throw FatalError("28000", "peer authentication failed for user \"" + user + "\"")
          .detail("Only the user who started the cluster may use its Unix socket.");
  }
  // The owner is known by credentials; any other name, even on the socket, needs that user's password.
  if (!local || user != service.cluster_owner()) scram(socket, user, service, mock_secret);
  OutMessage message(socket.out(), 'R');
  put_i32(socket.out(), kAuthenticationOk);
}

}  // namespace tajo::pgwire
