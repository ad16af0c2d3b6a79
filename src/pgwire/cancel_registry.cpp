#include "cancel_registry.hpp"

#include <cstring>
#include <limits>

#include "scram.hpp"

namespace tajo::pgwire {

CancelRegistry::Key CancelRegistry::add(std::shared_ptr<ConnectionControl> control) {
  Key key;
  std::memcpy(&key.secret, master::random_bytes(sizeof key.secret).data(), sizeof key.secret);
  std::lock_guard lock(mutex_);
  do {
    key.process = next_process_;
    next_process_ = next_process_ == std::numeric_limits<std::int32_t>::max() ? 1 : next_process_ + 1;
  } while (entries_.contains(key.process));
  entries_.emplace(key.process, Entry{key.secret, std::move(control)});
  return key;
}

void CancelRegistry::remove(Key key) {
  std::lock_guard lock(mutex_);
  entries_.erase(key.process);
}

void CancelRegistry::cancel(Key key) {
  std::shared_ptr<ConnectionControl> control;
  {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(key.process);
    if (found == entries_.end() || found->second.secret != key.secret) return;
    control = found->second.control;
  }
  control->cancel_statement();
}

}  // namespace tajo::pgwire
