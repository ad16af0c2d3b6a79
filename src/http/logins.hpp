#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "tajo/common/ids.hpp"

namespace tajo::master {
class ClientService;
}

namespace tajo::http {

/// A right password that came with a request (Basic) is remembered that long, so that not each request costs its check.
inline constexpr Micros kRememberedUs = 60'000'000;
inline constexpr std::size_t kMaxRemembered = 1000;  ///< then the oldest goes

/// Who is logged in, by the token in the cookie, and whose password was right a moment ago. In this server's memory only:
/// after a restart users log in again. Any thread.
class Logins {
 public:
  enum class Outcome { kGood, kWrong, kBusy };
  Logins(master::ClientService& service, Micros lifetime_us);

  /// Checks name and password; `token` is for the cookie. kBusy: too many are being checked at once.
  Outcome log_in(const std::string& user, const std::string& password, std::string& token);
  /// The same for a request that brings its password along. Another password of the user's ends what was remembered.
  Outcome check(const std::string& user, const std::string& password);
  void log_out(const std::string& token);
  std::optional<std::string> user_of(const std::string& token);

 private:
  struct Login {
    std::string user;
    Micros expires = 0;
  };
  Outcome verify(const std::string& password, const std::string& secret);

  master::ClientService& service_;
  Micros lifetime_us_;
  const std::string key_;  ///< of this process, for what is remembered
  std::mutex mutex_;
  std::map<std::string, Login> logins_;
  std::map<std::string, Micros> remembered_;  ///< keyed hash of user, secret and password → until when
  int checking_ = 0;
};

}  // namespace tajo::http
