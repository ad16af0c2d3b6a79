#include "scram.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include "tajo/common/error.hpp"

namespace tajo::master {
namespace {

constexpr int kIterations = 4096;  // PostgreSQL's default
constexpr std::size_t kSaltBytes = 16, kKeyBytes = 32;

std::string base64(const unsigned char* data, std::size_t size) {
  std::string out(4 * ((size + 2) / 3) + 1, '\0');
  int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), data, static_cast<int>(size));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

}  // namespace

std::string make_scram_secret(const std::string& password) {
  if (password.starts_with("SCRAM-SHA-256$")) return password;
  unsigned char salt[kSaltBytes], salted[kKeyBytes], client[kKeyBytes], stored[kKeyBytes], server[kKeyBytes];
  if (::getrandom(salt, sizeof salt, 0) != static_cast<ssize_t>(sizeof salt)) throw Error(sqlstate::kInternalError, "the system gives no random bytes");
  unsigned int length = 0;
  bool made = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt, sizeof salt, kIterations, EVP_sha256(),
                                sizeof salted, salted) == 1 &&
              HMAC(EVP_sha256(), salted, sizeof salted, reinterpret_cast<const unsigned char*>("Client Key"), 10, client, &length) != nullptr &&
              EVP_Digest(client, sizeof client, stored, &length, EVP_sha256(), nullptr) == 1 &&
              HMAC(EVP_sha256(), salted, sizeof salted, reinterpret_cast<const unsigned char*>("Server Key"), 10, server, &length) != nullptr;
  if (!made) throw Error(sqlstate::kInternalError, "could not derive a SCRAM secret");
  return "SCRAM-SHA-256$" + std::to_string(kIterations) + ":" + base64(salt, sizeof salt) + "$" + base64(stored, sizeof stored) +
         ":" + base64(server, sizeof server);
}

}  // namespace tajo::master
