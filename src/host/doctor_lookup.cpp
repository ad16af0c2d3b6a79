#include "doctor_lookup.hpp"

#include <netdb.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace tajo::host {
namespace {

bool system_knows(const std::string& name) {
  addrinfo* found = nullptr;
  if (::getaddrinfo(name.c_str(), nullptr, nullptr, &found) != 0) return false;
  ::freeaddrinfo(found);
  return true;
}

/// Outlives the question: a look-up cannot be called back.
struct Question {
  std::vector<std::string> names;
  std::function<bool(const std::string&)> known;
  std::mutex mutex;
  std::condition_variable answered;
  std::size_t next = 0, missing = 0;
  std::vector<Lookup> answers;
};

void answer(const std::shared_ptr<Question>& question) {
  std::unique_lock lock(question->mutex);
  while (question->next < question->names.size()) {
    const std::size_t i = question->next++;
    lock.unlock();
    const bool known = question->known(question->names[i]);
    lock.lock();
    question->answers[i] = known ? Lookup::kKnown : Lookup::kUnknown;
    if (--question->missing == 0) question->answered.notify_all();
  }
}

}  // namespace

std::vector<Lookup> look_up(const std::vector<std::string>& names, Micros limit_us, std::function<bool(const std::string&)> known) {
  auto question = std::make_shared<Question>();
  question->names = names;
  question->known = known ? std::move(known) : system_knows;
  question->missing = names.size();
  question->answers.assign(names.size(), Lookup::kUnanswered);
  for (std::size_t i = 0; i < std::min(names.size(), kMaxLookups); ++i) std::thread(answer, question).detach();
  std::unique_lock lock(question->mutex);
  question->answered.wait_for(lock, std::chrono::microseconds(limit_us), [&] { return question->missing == 0; });
  question->next = names.size();  // nobody waits for the others
  return question->answers;
}

}  // namespace tajo::host
