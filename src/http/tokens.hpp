#pragma once
#include <string>
#include <string_view>

namespace tajo::http {

/// `bytes` random bytes in hexadecimal.
std::string random_token(std::size_t bytes);
/// For Content-Security-Policy: `'sha256-…'` of a script or style.
std::string csp_hash(std::string_view text);

}  // namespace tajo::http
