#pragma once
#include <string>
#include <string_view>

namespace tajo::http {

/// Whether `password` belongs to a SCRAM secret (`SCRAM-SHA-256$<iterations>:<salt>$<stored>:<server>`). An empty or
/// broken secret costs the same time and is never right.
bool password_matches(std::string_view password, std::string_view scram_secret);

/// `bytes` random bytes in hexadecimal.
std::string random_token(std::size_t bytes);
/// For Content-Security-Policy: `'sha256-…'` of a script or style.
std::string csp_hash(std::string_view text);

}  // namespace tajo::http
