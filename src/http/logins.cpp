#include "logins.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "tokens.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/master/client_service.hpp"
#include "tajo/master/scram.hpp"

namespace tajo::http {
namespace {

constexpr int kChecksAtOnce = 4;             // a check costs some thousand hash rounds
constexpr std::size_t kMaxLogins = 1000;     // then the oldest goes
constexpr std::size_t kTokenBytes = 32;
constexpr auto kPauseAfterWrong = std::chrono::milliseconds(500);

}  // namespace

Logins::Outcome Logins::log_in(const std::string& user, const std::string& password, std::string& token) {
  {
    std::lock_guard lock(mutex_);
    if (checking_ >= kChecksAtOnce) return Outcome::kBusy;
    ++checking_;
  }
  struct Done {
    Logins& logins;
    ~Done() {
      std::lock_guard lock(logins.mutex_);
      --logins.checking_;
    }
  } done{*this};
  auto secret = service_.secret(user);
  if (!master::password_matches(password, secret ? secret->text : "")) {
    std::this_thread::sleep_for(kPauseAfterWrong);
    return Outcome::kWrong;
  }
  token = random_token(kTokenBytes);
  Micros now = boottime_us();
  std::lock_guard lock(mutex_);
  std::erase_if(logins_, [now](const auto& entry) { return entry.second.expires < now; });
  if (logins_.size() >= kMaxLogins) logins_.erase(std::ranges::min_element(logins_, {}, [](const auto& entry) { return entry.second.expires; }));
  logins_[token] = {user, now + lifetime_us_};
  return Outcome::kGood;
}

void Logins::log_out(const std::string& token) {
  std::lock_guard lock(mutex_);
  logins_.erase(token);
}

std::optional<std::string> Logins::user_of(const std::string& token) {
  Micros now = boottime_us();
  std::lock_guard lock(mutex_);
  auto found = logins_.find(token);
  if (found == logins_.end() || found->second.expires < now) return std::nullopt;
  found->second.expires = now + lifetime_us_;
  return found->second.user;
}

}  // namespace tajo::http
