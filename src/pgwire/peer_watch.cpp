#include "peer_watch.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "tajo/common/error.hpp"

namespace tajo::pgwire {
namespace {
constexpr std::uint64_t kWakeId = 0;
constexpr int kEventsAtOnce = 64;
}  // namespace

PeerWatch::PeerWatch() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (epoll_ < 0 || wake_ < 0) throw Error(sqlstate::kIoError, "cannot watch client connections: too many open files");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeId;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  thread_ = std::thread([this] { run(); });
}

PeerWatch::~PeerWatch() {
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(wake_, &one, sizeof one);
  thread_.join();
  ::close(epoll_);
  ::close(wake_);
}

std::uint64_t PeerWatch::add(int fd, std::shared_ptr<ConnectionControl> control) {
  std::uint64_t id;
  {
    std::lock_guard lock(mutex_);
    id = next_id_++;
    watched_.emplace(id, std::move(control));
  }
  epoll_event event{};
  event.events = EPOLLRDHUP | EPOLLONESHOT;  // errors and hang-ups are always reported
  event.data.u64 = id;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  return id;
}

void PeerWatch::remove(std::uint64_t id, int fd) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  std::lock_guard lock(mutex_);
  watched_.erase(id);
}

void PeerWatch::run() {
  for (;;) {
    epoll_event events[kEventsAtOnce];
    int n = ::epoll_wait(epoll_, events, kEventsAtOnce, -1);
    if (n < 0 && errno != EINTR) return;
    for (int i = 0; i < n; ++i) {
      if (events[i].data.u64 == kWakeId) return;
      std::shared_ptr<ConnectionControl> control;
      {
        std::lock_guard lock(mutex_);
        auto found = watched_.find(events[i].data.u64);
        if (found != watched_.end()) control = found->second;
      }
      if (control) control->client_gone();
    }
  }
}

}  // namespace tajo::pgwire
