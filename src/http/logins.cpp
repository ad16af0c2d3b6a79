#include "logins.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "tajo/common/clock.hpp"
#include "tajo/master/client_service.hpp"
#include "tajo/master/scram.hpp"
#include "tokens.hpp"

namespace tajo::http {
namespace {

constexpr int kChecksAtOnce = 4;             // a check costs some thousand hash rounds
constexpr std::size_t kMaxLogins = 1000;     // then the oldest goes
constexpr std::size_t kTokenBytes = 32;
constexpr auto kPauseAfterWrong = std::chrono::milliseconds(500);

/// No two triples give the same text.
std::string triple(const std::string& user, const std::string& secret, const std::string& password) {
  return std::to_string(user.size()) + ":" + user + std::to_string(secret.size()) + ":" + secret + password;
}

}  // namespace

Logins::Logins(master::ClientService& service, Micros lifetime_us)
    : service_(service), lifetime_us_(lifetime_us), key_(master::random_bytes(master::kSha256Bytes)) {}

Logins::Outcome Logins::verify(const std::string& password, const std::string& secret) {
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
  if (master::password_matches(password, secret)) return Outcome::kGood;
  std::this_thread::sleep_for(kPauseAfterWrong);
  return Outcome::kWrong;
}

Logins::Outcome Logins::log_in(const std::string& user, const std::string& password, std::string& token) {
  auto secret = service_.secret(user);
  if (Outcome outcome = verify(password, secret ? secret->text : ""); outcome != Outcome::kGood) return outcome;
  token = random_token(kTokenBytes);
  Micros now = boottime_us();
  std::lock_guard lock(mutex_);
  std::erase_if(logins_, [now](const auto& entry) { return entry.second.expires < now; });
  if (logins_.size() >= kMaxLogins) logins_.erase(std::ranges::min_element(logins_, {}, [](const auto& entry) { return entry.second.expires; }));
  logins_[token] = {user, now + lifetime_us_};
  return Outcome::kGood;
}

Logins::Outcome Logins::check(const std::string& user, const std::string& password) {
  auto secret = service_.secret(user);
  const std::string text = secret ? secret->text : "";
  const std::string hash = master::hmac_sha256(key_, triple(user, text, password));
  {
    std::lock_guard lock(mutex_);
    auto found = remembered_.find(hash);
    if (found != remembered_.end() && found->second >= boottime_us()) return Outcome::kGood;
  }
  if (Outcome outcome = verify(password, text); outcome != Outcome::kGood) return outcome;
  const Micros now = boottime_us();
  std::lock_guard lock(mutex_);
  std::erase_if(remembered_, [now](const auto& entry) { return entry.second < now; });
  if (remembered_.size() >= kMaxRemembered) remembered_.erase(std::ranges::min_element(remembered_, {}, [](const auto& entry) { return entry.second; }));
  remembered_[hash] = now + kRememberedUs;
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
