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

/// Who is logged in, by the token in the cookie. In this server's memory only: after a restart users log in again.
/// Any thread.
class Logins {
 public:
  enum class Outcome { kGood, kWrong, kBusy };
  Logins(master::ClientService& service, Micros lifetime_us) : service_(service), lifetime_us_(lifetime_us) {}

  /// Checks name and password; `token` is for the cookie. kBusy: too many are being checked at once.
  Outcome log_in(const std::string& user, const std::string& password, std::string& token);
  void log_out(const std::string& token);
  std::optional<std::string> user_of(const std::string& token);

 private:
  struct Login {
    std::string user;
    Micros expires = 0;
  };
  master::ClientService& service_;
  Micros lifetime_us_;
  std::mutex mutex_;
  std::map<std::string, Login> logins_;
  int checking_ = 0;
};

}  // namespace tajo::http
