#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "connection_control.hpp"

namespace tajo::pgwire {

/// Notices that a client has hung up while its connection's thread is busy with a statement. One thread for all.
class PeerWatch {
 public:
  PeerWatch();
  ~PeerWatch();
  PeerWatch(const PeerWatch&) = delete;
  PeerWatch& operator=(const PeerWatch&) = delete;

  std::uint64_t add(int fd, std::shared_ptr<ConnectionControl> control);
  void remove(std::uint64_t id, int fd);

 private:
  void run();

  int epoll_ = -1;
  int wake_ = -1;
  std::mutex mutex_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, std::shared_ptr<ConnectionControl>> watched_;
  std::thread thread_;
};

}  // namespace tajo::pgwire
