#include "scram.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <charconv>

#include "tajo/common/error.hpp"

namespace tajo::pgwire {
namespace {

constexpr std::size_t kNonceBytes = 18;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kKeyBytes = 32;
constexpr int kMaxIterations = 10'000'000;

const unsigned char* bytes_of(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }

std::string sha256(std::string_view text) {
  std::string out(kKeyBytes, '\0');
  SHA256(bytes_of(text), text.size(), reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::string out(kKeyBytes, '\0');
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
       reinterpret_cast<unsigned char*>(out.data()), &length);
  return out;
}

[[noreturn]] void malformed(const std::string& detail) {
  throw Error(sqlstate::kProtocolViolation, "malformed SCRAM message").detail(detail);
}

/// Takes `<name>=value` off the front, up to the next comma.
std::string_view attribute(std::string_view& left, char name) {
  if (left.size() < 2 || left[0] != name || left[1] != '=')
    malformed(std::string("Expected attribute \"") + name + "\".");
  std::size_t end = left.find(',');
  std::string_view value = left.substr(2, end == std::string_view::npos ? end : end - 2);
  left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  return value;
}

bool is_printable(std::string_view s) {
  for (char c : s)
    if (c < 0x21 || c > 0x7e || c == ',') return false;
  return !s.empty();
}

}  // namespace

std::string random_bytes(std::size_t n) {
  std::string out(n, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(n)) != 1)
    throw Error(sqlstate::kInternalError, "no random numbers available");
  return out;
}

std::string base64_encode(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(bytes), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3 + 1, '\0');
  int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text), static_cast<int>(text.size()));
  if (n < 0) return std::nullopt;
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  out.resize(static_cast<std::size_t>(n) - padding);
  return out;
}

std::optional<ScramKeys> parse_scram_secret(std::string_view text) {
  constexpr std::string_view kPrefix = "SCRAM-SHA-256$";
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
      !salt || !stored || !server || stored->size() != kKeyBytes || server->size() != kKeyBytes)
    return std::nullopt;
  keys.salt = *salt;
  keys.stored_key = *stored;
  keys.server_key = *server;
  return keys;
}

std::string format_scram_secret(const ScramKeys& keys) {
  return "SCRAM-SHA-256$" + std::to_string(keys.iterations) + ":" + base64_encode(keys.salt) + "$" +
         base64_encode(keys.stored_key) + ":" + base64_encode(keys.server_key);
}

ScramKeys derive_scram_keys(std::string_view password, std::string_view salt, int iterations) {
  std::string salted(kKeyBytes, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt), static_cast<int>(salt.size()),
                    iterations, EVP_sha256(), static_cast<int>(kKeyBytes),
                    reinterpret_cast<unsigned char*>(salted.data()));
  return {iterations, std::string(salt), sha256(hmac(salted, "Client Key")), hmac(salted, "Server Key")};
}

ScramExchange::ScramExchange(std::optional<ScramKeys> keys, std::string_view user, std::string_view mock_secret)
    : known_(keys.has_value()), server_nonce_(base64_encode(random_bytes(kNonceBytes))) {
  if (known_) {
    keys_ = *std::move(keys);
  } else {
    // The same name always meets the same salt, as a real user's would be.
    std::string mixed = hmac(mock_secret, user);
    keys_ = {kScramIterations, mixed.substr(0, kSaltBytes), hmac(mixed, "stored"), hmac(mixed, "server")};
  }
}

std::string ScramExchange::first(std::string_view client_first) {
  std::string_view left = client_first;
  if (left.starts_with("p="))
    malformed("The client selected channel binding although none was offered.");
  if (!left.starts_with("n,") && !left.starts_with("y,")) malformed("Unexpected channel-binding flag.");
  if (left.size() < 3 || left[2] != ',') malformed("Authorization identities are not supported.");
  gs2_header_ = std::string(left.substr(0, 3));
  left.remove_prefix(3);
  first_bare_ = std::string(left);
  if (left.starts_with("m=")) malformed("The client requires an unsupported SCRAM extension.");
  attribute(left, 'n');  // the startup message named the user
  std::string_view client_nonce = attribute(left, 'r');
  if (!is_printable(client_nonce)) malformed("Non-printable characters in SCRAM nonce.");
  nonce_ = std::string(client_nonce) + server_nonce_;
  server_first_ = "r=" + nonce_ + ",s=" + base64_encode(keys_.salt) + ",i=" + std::to_string(keys_.iterations);
  return server_first_;
}

std::optional<std::string> ScramExchange::final(std::string_view client_final) {
  std::size_t proof_at = client_final.rfind(",p=");
  if (proof_at == std::string_view::npos) malformed("Expected attribute \"p\".");
  std::string_view without_proof = client_final.substr(0, proof_at);
  std::string_view left = without_proof;
  if (attribute(left, 'c') != base64_encode(gs2_header_)) malformed("Unexpected SCRAM channel-binding attribute.");
  if (attribute(left, 'r') != nonce_) malformed("SCRAM nonce does not match.");
  auto proof = base64_decode(client_final.substr(proof_at + 3));
  if (!proof || proof->size() != kKeyBytes) malformed("Malformed SCRAM proof.");

  std::string auth = first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  std::string client_key = hmac(keys_.stored_key, auth);
  for (std::size_t i = 0; i < kKeyBytes; ++i) client_key[i] = static_cast<char>(client_key[i] ^ (*proof)[i]);
  std::string hashed = sha256(client_key);
  bool right = CRYPTO_memcmp(hashed.data(), keys_.stored_key.data(), kKeyBytes) == 0;
  if (!right || !known_) return std::nullopt;
  return "v=" + base64_encode(hmac(keys_.server_key, auth));
}

}  // namespace tajo::pgwire
