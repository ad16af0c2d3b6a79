#include "tajo/host/departure.hpp"

#include <chrono>

#include "tajo/common/log.hpp"
#include "tajo/host/last_words.hpp"

namespace tajo::host {
namespace {

constexpr auto kAlone = std::chrono::milliseconds(500);    ///< an active that leaves too needs the others that long
constexpr auto kEverybody = std::chrono::seconds(8);       ///< below the keeper's patience
constexpr auto kTry = std::chrono::milliseconds(50);

}  // namespace

Departure::Departure(EventLoop& loop, cluster::Node& node, std::string launch, std::function<void()> tell)
    : loop_(loop), node_(node), launch_(std::move(launch)), tell_(std::move(tell)) {}

void Departure::heard() {
  const std::lock_guard lock(mutex_);
  heard_ = true;
  wake_.notify_all();
}

bool Departure::told_to_leave() const {
  const std::lock_guard lock(mutex_);
  return heard_;
}

void Departure::wait(bool everybody) {
  const auto begin = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (!heard_ && !said_ && std::chrono::steady_clock::now() < begin + (everybody || active_ ? std::chrono::milliseconds(kEverybody) : kAlone)) {
    // Again and again: a backup may become the active while everybody leaves.
    loop_.post([this, everybody] { try_last_words(everybody); });
    wake_.wait_for(lock, kTry);
  }
}

void Departure::try_last_words(bool everybody) {
  const bool active = node_.role() == cluster::Role::kActive;
  {
    const std::lock_guard lock(mutex_);
    active_ = active;
  }
  if (!active || proposed_) return;
  proposed_ = true;
  cluster::Proposal words;
  words.last = true;
  words.records.emplace_back(journal::RecordKind::kLastWords, encode(LastWords{launch_, everybody}));
  node_.propose(std::move(words), [this, everybody](cluster::Outcome outcome) {
    proposed_ = false;
    if (outcome != cluster::Outcome::kCommitted) return;
    log_info("host", "last words are in the log");
    if (everybody) tell_();
    loop_.stop();  // nothing is answered any more
    const std::lock_guard lock(mutex_);
    said_ = true;
    wake_.notify_all();
  });
}

}  // namespace tajo::host
