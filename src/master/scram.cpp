#include "tajo/master/scram.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <charconv>

#include "tajo/common/error.hpp"

namespace tajo::master {
namespace {

constexpr std::string_view kPrefix = "SCRAM-SHA-256$";
constexpr int kMaxIterations = 10'000'000;

const unsigned char* bytes_of(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }
unsigned char* bytes_of(std::string& s) { return reinterpret_cast<unsigned char*>(s.data()); }

}  // namespace

std::string sha256(std::string_view text) {
  std::string out(kSha256Bytes, '\0');
  SHA256(bytes_of(text), text.size(), bytes_of(out));
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::string out(kSha256Bytes, '\0');
  unsigned length = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(), bytes_of(out), &length) == nullptr)
    throw Error(sqlstate::kInternalError, "the cryptographic library refuses HMAC-SHA-256");
  return out;
}

bool same_bytes(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t n) {
  std::string out(n, '\0');
  if (RAND_bytes(bytes_of(out), static_cast<int>(n)) != 1) throw Error(sqlstate::kInternalError, "no random numbers available");
  return out;
}

std::string base64_encode(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int n = EVP_EncodeBlock(bytes_of(out), bytes_of(bytes), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3 + 1, '\0');
  int n = EVP_DecodeBlock(bytes_of(out), bytes_of(text), static_cast<int>(text.size()));
  if (n < 0) return std::nullopt;
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  out.resize(static_cast<std::size_t>(n) - padding);
  return out;
}

std::optional<ScramKeys> parse_scram_secret(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  std::size_t colon = text.find(':');
  std::size_t dollar = text.find('$');
  std::size_t last = text.rfind(':');
  if (colon == std::string_view::npos || dollar == std::string_view::npos || colon > dollar || last < dollar)
    return std::nullopt;
  ScramKeys keys;
  auto [end, failure] = std::from_chars(text.data(), text.data() + colon, keys.iterations);
  auto salt = base64_decode(text.substr(colon + 1, dollar - colon - 1));
  auto stored = base64_decode(text.substr(dollar + 1, last - dollar - 1));
  auto server = base64_decode(text.substr(last + 1));
  if (failure != std::errc() || end != text.data() + colon || keys.iterations < 1 || keys.iterations > kMaxIterations ||
      !salt || !stored || !server || stored->size() != kSha256Bytes || server->size() != kSha256Bytes)
    return std::nullopt;
  keys.salt = *salt;
  keys.stored_key = *stored;
  keys.server_key = *server;
  return keys;
}

std::string format_scram_secret(const ScramKeys& keys) {
  return std::string(kPrefix) + std::to_string(keys.iterations) + ":" + base64_encode(keys.salt) + "$" +
         base64_encode(keys.stored_key) + ":" + base64_encode(keys.server_key);
}

ScramKeys derive_scram_keys(std::string_view password, std::string_view salt, int iterations) {
  std::string salted(kSha256Bytes, '\0');
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt), static_cast<int>(salt.size()), iterations,
                        EVP_sha256(), static_cast<int>(kSha256Bytes), bytes_of(salted)) != 1)
    throw Error(sqlstate::kInternalError, "could not derive a SCRAM secret");
  return {iterations, std::string(salt), sha256(hmac_sha256(salted, "Client Key")), hmac_sha256(salted, "Server Key")};
}

std::string make_scram_secret(const std::string& password) {
  if (parse_scram_secret(password)) return password;
  return format_scram_secret(derive_scram_keys(password, random_bytes(kScramSaltBytes), kScramIterations));
}

bool password_matches(std::string_view password, std::string_view secret) {
  const auto keys = parse_scram_secret(secret);
  const auto tried = derive_scram_keys(password, keys ? keys->salt : "no such user's salt", keys ? keys->iterations : kScramIterations);
  return same_bytes(tried.stored_key, keys ? keys->stored_key : std::string(kSha256Bytes, '\0')) && keys.has_value();
}

}  // namespace tajo::master
