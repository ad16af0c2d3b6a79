#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "connection_control.hpp"

namespace tajo::pgwire {

/// Who may be cancelled by which key (BackendKeyData, CancelRequest). Any thread.
class CancelRegistry {
 public:
  struct Key {
    std::int32_t process = 0;
    std::int32_t secret = 0;
  };
  Key add(std::shared_ptr<ConnectionControl> control);
  void remove(Key key);
  /// A wrong key does nothing, as the protocol wants.
  void cancel(Key key);

 private:
  struct Entry {
    std::int32_t secret;
    std::shared_ptr<ConnectionControl> control;
  };
  std::mutex mutex_;
  std::int32_t next_process_ = 1;
  std::map<std::int32_t, Entry> entries_;
};

}  // namespace tajo::pgwire
