#include "scram.hpp"

#include "tajo/common/error.hpp"

namespace tajo::pgwire {

using master::base64_decode, master::base64_encode, master::hmac_sha256, master::sha256;

namespace {

constexpr std::size_t kNonceBytes = 18;

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

ScramExchange::ScramExchange(std::optional<master::ScramKeys> keys, std::string_view user, std::string_view mock_secret)
    : known_(keys.has_value()), server_nonce_(base64_encode(master::random_bytes(kNonceBytes))) {
  if (known_) {
    keys_ = *std::move(keys);
  } else {
    // The same name always meets the same salt, as a real user's would be.
    std::string mixed = hmac_sha256(mock_secret, user);
    keys_ = {master::kScramIterations, mixed.substr(0, master::kScramSaltBytes), hmac_sha256(mixed, "stored"), hmac_sha256(mixed, "server")};
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
  if (!proof || proof->size() != master::kSha256Bytes) malformed("Malformed SCRAM proof.");

  std::string auth = first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  std::string client_key = hmac_sha256(keys_.stored_key, auth);
  for (std::size_t i = 0; i < master::kSha256Bytes; ++i) client_key[i] = static_cast<char>(client_key[i] ^ (*proof)[i]);
  std::string hashed = sha256(client_key);
  bool right = master::same_bytes(hashed, keys_.stored_key);
  if (!right || !known_) return std::nullopt;
  return "v=" + base64_encode(hmac_sha256(keys_.server_key, auth));
}

}  // namespace tajo::pgwire
