#pragma once
#include <optional>
#include <string>
#include <string_view>

/// Passwords as SCRAM-SHA-256 keeps them (RFC 5802, 5803, 7677), and what it is made of. Any thread.
namespace tajo::master {

/// What the server keeps of a password.
struct ScramKeys {
  int iterations = 0;
  std::string salt;        ///< raw bytes
  std::string stored_key;  ///< 32 bytes
  std::string server_key;  ///< 32 bytes
};

inline constexpr int kScramIterations = 4096;  ///< PostgreSQL's default
inline constexpr std::size_t kScramSaltBytes = 16, kSha256Bytes = 32;

/// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`; nullopt for anything else.
std::optional<ScramKeys> parse_scram_secret(std::string_view text);
std::string format_scram_secret(const ScramKeys& keys);
/// Error XX000 when the cryptographic library refuses.
ScramKeys derive_scram_keys(std::string_view password, std::string_view salt, int iterations);

/// The secret of a password with a fresh salt. A text that already is a secret is taken as it is (psql's \password
/// sends it so).
std::string make_scram_secret(const std::string& password);
/// Whether `password` belongs to a secret. An empty or broken secret costs the same time and is never right.
bool password_matches(std::string_view password, std::string_view secret);

std::string sha256(std::string_view text);
std::string hmac_sha256(std::string_view key, std::string_view text);
/// Compares in a time that does not depend on where they differ.
bool same_bytes(std::string_view a, std::string_view b);
std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);
/// From the system's generator; Error XX000 when it gives none.
std::string random_bytes(std::size_t n);

}  // namespace tajo::master
