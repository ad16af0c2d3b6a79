#include "tokens.hpp"

#include "tajo/master/scram.hpp"

namespace tajo::http {

std::string random_token(std::size_t bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (char c : master::random_bytes(bytes)) {
    auto b = static_cast<unsigned char>(c);
    out.push_back(kHex[b >> 4]);
    out.push_back(kHex[b & 15]);
  }
  return out;
}

std::string csp_hash(std::string_view text) { return "'sha256-" + master::base64_encode(master::sha256(text)) + "'"; }

}  // namespace tajo::http
