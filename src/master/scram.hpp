#pragma once
#include <string>

namespace tajo::master {

/// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` of a password with a fresh salt (RFC 5802, 5803, 7677).
/// A text that already has this form is taken as it is (psql's \password sends it so).
std::string make_scram_secret(const std::string& password);

}  // namespace tajo::master
