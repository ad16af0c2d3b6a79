#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "tajo/master/scram.hpp"

namespace tajo::pgwire {

/// The server's side of one SCRAM-SHA-256 exchange (RFC 5802, 7677) without channel binding. Without keys (unknown
/// user, no password) the exchange runs to its end over keys made from `mock_secret` and the name, and then fails: a
/// client cannot tell who exists.
class ScramExchange {
 public:
  ScramExchange(std::optional<master::ScramKeys> keys, std::string_view user, std::string_view mock_secret);
  /// client-first-message → server-first-message. Throws Error 08P01 when it is malformed.
  std::string first(std::string_view client_first);
  /// client-final-message → server-final-message, nullopt when the proof is wrong. Throws Error 08P01.
  std::optional<std::string> final(std::string_view client_final);
  void set_nonce_for_test(std::string nonce) { server_nonce_ = std::move(nonce); }

 private:
  bool known_;
  master::ScramKeys keys_;
  std::string server_nonce_;
  std::string gs2_header_;
  std::string first_bare_;
  std::string server_first_;
  std::string nonce_;
};

}  // namespace tajo::pgwire
