#pragma once
#include <netinet/in.h>
#include <sys/un.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/common/ids.hpp"

namespace tajo::mpi {

/// Where a rank's doorbell can be rung, as exchanged before the mesh runs.
struct DoorbellAddress {
  std::string same_kernel;  ///< equal for ranks that can reach each other's abstract Unix sockets
  std::string unix_name;    ///< kernel-given abstract name
  std::uint16_t udp_port = 0;
  struct Interface {
    std::uint32_t address = 0;  ///< network byte order
    std::uint32_t netmask = 0;
  };
  std::vector<Interface> interfaces;

  void put(ByteWriter& out) const;
  static DoorbellAddress get(ByteReader& in);
};

/// Wakes sleeping ranks by datagrams whose content is ignored: a lost one costs kMaxSleepUs, never correctness.
/// Unix datagram socket between ranks of one kernel, UDP otherwise; an eventfd for threads of this process.
class Doorbell {
 public:
  /// Throws Error 58030 when the sockets cannot be made.
  Doorbell();
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  const DoorbellAddress& address() const { return own_; }
  /// All ranks' addresses, by rank. Before anything is rung.
  void connect(const std::vector<DoorbellAddress>& addresses);

  void ring(Rank peer);
  /// Any thread: ends the wait of this rank's transport.
  void wake();
  /// Sleeps until rung, woken or `timeout_us` later. True when rung or woken.
  bool wait(Micros timeout_us);

 private:
  struct Target {
    bool local = false;
    sockaddr_un unix_address{};
    socklen_t unix_length = 0;
    sockaddr_in udp_address{};
  };
  void drain(int fd);

  DoorbellAddress own_;
  std::vector<Target> targets_;
  int event_fd_ = -1;
  int unix_fd_ = -1;
  int udp_fd_ = -1;
};

}  // namespace tajo::mpi
