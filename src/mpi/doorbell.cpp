#include "doorbell.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <fstream>

namespace tajo::mpi {
namespace {

constexpr std::size_t kMaxInterfaces = 8;
constexpr int kMaxDrained = 64;

[[noreturn]] void fail(const char* what) {
  throw Error(sqlstate::kIoError, std::string("doorbell: ") + what + ": " + std::strerror(errno));
}

/// Abstract Unix names are seen within one network namespace of one kernel.
std::string kernel_and_namespace() {
  std::string boot_id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot_id;
  char link[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/ns/net", link, sizeof link);
  return boot_id + "/" + std::string(link, n > 0 ? static_cast<std::size_t>(n) : 0);
}

std::vector<DoorbellAddress::Interface> own_interfaces() {
  std::vector<DoorbellAddress::Interface> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (const ifaddrs* i = list; i != nullptr && out.size() < kMaxInterfaces; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_netmask == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    if ((i->ifa_flags & IFF_UP) == 0 || (i->ifa_flags & IFF_LOOPBACK) != 0) continue;
    sockaddr_in address;
    sockaddr_in mask;
    std::memcpy(&address, i->ifa_addr, sizeof address);
    std::memcpy(&mask, i->ifa_netmask, sizeof mask);
    out.push_back({address.sin_addr.s_addr, mask.sin_addr.s_addr});
  }
  ::freeifaddrs(list);
  return out;
}

/// The peer's interface in a network this rank is in, else its first.
std::uint32_t reachable(const DoorbellAddress& own, const DoorbellAddress& peer) {
  for (const auto& p : peer.interfaces)
    for (const auto& o : own.interfaces)
      if (o.netmask == p.netmask && (o.address & o.netmask) == (p.address & p.netmask)) return p.address;
  return peer.interfaces.empty() ? htonl(INADDR_LOOPBACK) : peer.interfaces.front().address;
}

}  // namespace

void DoorbellAddress::put(ByteWriter& out) const {
  out.text(same_kernel);
  out.text(unix_name);
  out.put(udp_port);
  out.put(static_cast<std::uint32_t>(interfaces.size()));
  for (const Interface& i : interfaces) out.put(i);
}

DoorbellAddress DoorbellAddress::get(ByteReader& in) {
  DoorbellAddress a;
  a.same_kernel = in.text();
  a.unix_name = in.text();
  a.udp_port = in.get<std::uint16_t>();
  a.interfaces.resize(std::min<std::size_t>(in.get<std::uint32_t>(), kMaxInterfaces));
  for (Interface& i : a.interfaces) i = in.get<Interface>();
  return a;
}

Doorbell::Doorbell() {
  event_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event_fd_ < 0) fail("eventfd");
  unix_fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (unix_fd_ < 0) fail("Unix socket");
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  // Only the family: the kernel gives a free abstract name, and nothing is left on disk.
  if (::bind(unix_fd_, reinterpret_cast<sockaddr*>(&name), sizeof(sa_family_t)) != 0) fail("bind of the Unix socket");
  socklen_t length = sizeof name;
  if (::getsockname(unix_fd_, reinterpret_cast<sockaddr*>(&name), &length) != 0) fail("getsockname");
  own_.unix_name.assign(name.sun_path, length - offsetof(sockaddr_un, sun_path));
  own_.same_kernel = kernel_and_namespace();
  own_.interfaces = own_interfaces();
  udp_fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (udp_fd_ < 0) fail("UDP socket");
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_ANY);
  length = sizeof any;
  if (::bind(udp_fd_, reinterpret_cast<sockaddr*>(&any), length) != 0 ||
      ::getsockname(udp_fd_, reinterpret_cast<sockaddr*>(&any), &length) != 0)
    fail("bind of the UDP socket");
  own_.udp_port = any.sin_port;
}

Doorbell::~Doorbell() {
  for (int fd : {event_fd_, unix_fd_, udp_fd_})
    if (fd >= 0) ::close(fd);
}

void Doorbell::connect(const std::vector<DoorbellAddress>& addresses) {
  targets_.clear();
  for (const DoorbellAddress& a : addresses) {
    Target t;
    t.local = a.same_kernel == own_.same_kernel && a.unix_name.size() <= sizeof t.unix_address.sun_path;
    t.unix_address.sun_family = AF_UNIX;
    if (t.local) std::memcpy(t.unix_address.sun_path, a.unix_name.data(), a.unix_name.size());
    t.unix_length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + a.unix_name.size());
    t.udp_address.sin_family = AF_INET;
    t.udp_address.sin_port = a.udp_port;
    t.udp_address.sin_addr.s_addr = reachable(own_, a);
    targets_.push_back(t);
  }
}

void Doorbell::ring(Rank peer) {
  const Target& t = targets_[static_cast<std::size_t>(peer)];
  const char content = 0;
  // A full queue means that the peer has bells enough; a dead peer needs none: the result does not matter.
  if (t.local)
    (void)!::sendto(unix_fd_, &content, 1, MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&t.unix_address),
                    t.unix_length);
  else
    (void)!::sendto(udp_fd_, &content, 1, MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&t.udp_address),
                    sizeof t.udp_address);
}

void Doorbell::wake() {
  const std::uint64_t one = 1;
  (void)!::write(event_fd_, &one, sizeof one);
}

void Doorbell::drain(int fd) {
  char content[8];
  for (int i = 0; i < kMaxDrained && ::recv(fd, content, sizeof content, MSG_DONTWAIT) >= 0; ++i) {
  }
}

bool Doorbell::wait(Micros timeout_us) {
  pollfd fds[3] = {{event_fd_, POLLIN, 0}, {unix_fd_, POLLIN, 0}, {udp_fd_, POLLIN, 0}};
  const timespec timeout{timeout_us / 1'000'000, static_cast<long>(timeout_us % 1'000'000) * 1000};
  if (::ppoll(fds, 3, &timeout, nullptr) <= 0) return false;
  if ((fds[0].revents & POLLIN) != 0) {
    std::uint64_t count = 0;
    (void)!::read(event_fd_, &count, sizeof count);
  }
  if (fds[1].revents != 0) drain(unix_fd_);
  if (fds[2].revents != 0) drain(udp_fd_);
  return true;
}

}  // namespace tajo::mpi
