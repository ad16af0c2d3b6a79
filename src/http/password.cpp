#include "password.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <charconv>
#include <optional>

#include "tajo/common/error.hpp"

namespace tajo::http {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr int kUsualIterations = 4096;
constexpr int kMaxIterations = 10'000'000;
using Key = std::array<unsigned char, kKeyBytes>;

const unsigned char* bytes_of(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }

struct Secret {
  int iterations = 0;
  std::string salt, stored;
};

std::optional<std::string> decode(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3 + 1, '\0');
  int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text), static_cast<int>(text.size()));
  if (n < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(n) - (text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0));
  return out;
}

std::optional<Secret> parse(std::string_view text) {
  constexpr std::string_view kPrefix = "SCRAM-SHA-256$";
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  std::size_t colon = text.find(':'), dollar = text.find('$');
  if (colon == std::string_view::npos || dollar == std::string_view::npos || colon > dollar) return std::nullopt;
  Secret secret;
  auto [end, failure] = std::from_chars(text.data(), text.data() + colon, secret.iterations);
  auto salt = decode(text.substr(colon + 1, dollar - colon - 1));
  std::string_view keys = text.substr(dollar + 1);
  auto stored = decode(keys.substr(0, keys.find(':')));
  bool good = failure == std::errc() && end == text.data() + colon && secret.iterations > 0 && secret.iterations <= kMaxIterations &&
              salt && stored && stored->size() == kKeyBytes;
  if (!good) return std::nullopt;
  secret.salt = *salt;
  secret.stored = *stored;
  return secret;
}

}  // namespace

bool password_matches(std::string_view password, std::string_view scram_secret) {
  std::optional<Secret> secret = parse(scram_secret);
  bool known = secret.has_value();
  if (!known) secret = Secret{kUsualIterations, "no such user's salt", std::string(kKeyBytes, '\0')};
  Key salted, client, stored;
  unsigned length = 0;
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(secret->salt), static_cast<int>(secret->salt.size()),
                    secret->iterations, EVP_sha256(), kKeyBytes, salted.data());
  constexpr std::string_view kClientKey = "Client Key";
  HMAC(EVP_sha256(), salted.data(), kKeyBytes, bytes_of(kClientKey), kClientKey.size(), client.data(), &length);
  SHA256(client.data(), kKeyBytes, stored.data());
  return CRYPTO_memcmp(stored.data(), secret->stored.data(), kKeyBytes) == 0 && known;
}

std::string random_token(std::size_t bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string raw(bytes, '\0'), out;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(raw.data()), static_cast<int>(bytes)) != 1)
    throw Error(sqlstate::kInternalError, "no random numbers available");
  for (char c : raw) {
    auto b = static_cast<unsigned char>(c);
    out.push_back(kHex[b >> 4]);
    out.push_back(kHex[b & 15]);
  }
  return out;
}

std::string csp_hash(std::string_view text) {
  Key digest;
  SHA256(bytes_of(text), text.size(), digest.data());
  std::string out(kKeyBytes * 2, '\0');
  int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), digest.data(), kKeyBytes);
  out.resize(static_cast<std::size_t>(n));
  return "'sha256-" + out + "'";
}

}  // namespace tajo::http
