#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tajo::pgwire {

/// What the server keeps of a password (RFC 5803).
struct ScramKeys {
  int iterations = 0;
  std::string salt;        ///< raw bytes
  std::string stored_key;  ///< 32 bytes
  std::string server_key;  ///< 32 bytes
};

inline constexpr int kScramIterations = 4096;

/// `SCRAM-SHA-256$<iterations>:<salt>$<stored>:<server>`; nullopt for anything else.
std::optional<ScramKeys> parse_scram_secret(std::string_view text);
std::string format_scram_secret(const ScramKeys& keys);
ScramKeys derive_scram_keys(std::string_view password, std::string_view salt, int iterations);

std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);
std::string random_bytes(std::size_t n);

/// The server's side of one SCRAM-SHA-256 exchange (RFC 5802, 7677) without channel binding. Without keys (unknown
/// user, no password) the exchange runs to its end over keys made from `mock_secret` and the name, and then fails: a
/// client cannot tell who exists.
class ScramExchange {
 public:
  ScramExchange(std::optional<ScramKeys> keys, std::string_view user, std::string_view mock_secret);
  /// client-first-message → server-first-message. Throws Error 08P01 when it is malformed.
  std::string first(std::string_view client_first);
  /// client-final-message → server-final-message, nullopt when the proof is wrong. Throws Error 08P01.
  std::optional<std::string> final(std::string_view client_final);
  void set_nonce_for_test(std::string nonce) { server_nonce_ = std::move(nonce); }

 private:
  bool known_;
  ScramKeys keys_;
  std::string server_nonce_;
  std::string gs2_header_;
  std::string first_bare_;
  std::string server_first_;
  std::string nonce_;
};

}  // namespace tajo::pgwire
