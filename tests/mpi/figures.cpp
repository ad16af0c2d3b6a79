// Figures of the transport, printed and not asserted: hot and cold round trip, data rate, idle cost.
#include <mpi.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "tajo/common/clock.hpp"
#include "tajo/mpi/world.hpp"

using namespace tajo;
using mpi::Channel;

namespace {

double cpu_seconds() {
  rusage u;
  ::getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

void print_times(const char* what, std::vector<Micros> us) {
  std::sort(us.begin(), us.end());
  std::printf("%-34s median %6ld us   p90 %6ld us\n", what, static_cast<long>(us[us.size() / 2]), static_cast<long>(us[us.size() * 9 / 10]));
}

/// CPU share of waking every 20 ms and testing `receives` posted receives.
double polling_share(int receives) {
  std::vector<MPI_Request> requests(static_cast<std::size_t>(receives));
  std::vector<int> indices(requests.size());
  std::vector<MPI_Status> statuses(requests.size());
  std::vector<char> buffers(requests.size());
  for (int i = 0; i < receives; ++i)
    MPI_Irecv(&buffers[static_cast<std::size_t>(i)], 1, MPI_BYTE, 1, 1000 + i, MPI_COMM_WORLD, &requests[static_cast<std::size_t>(i)]);
  const double cpu = cpu_seconds();
  const Micros start = boottime_us();
  while (boottime_us() - start < 3'000'000) {
    for (int turn = 0; turn < 4; ++turn) {
      int done = 0;
      MPI_Testsome(receives, requests.data(), &done, indices.data(), statuses.data());
    }
    const timespec nap{0, 20'000'000};
    ::ppoll(nullptr, 0, &nap, nullptr);
  }
  return (cpu_seconds() - cpu) / 3.0;
}

class Peer {
 public:
  explicit Peer(mpi::World& world) : world_(world) {
    world.fabric().on_message(Channel::kControl, [this](mpi::Message&& m) {
      if (world_.rank() == 1) {
        world_.fabric().send(0, Channel::kControl, std::move(m.payload));
        return;
      }
      const std::lock_guard lock(mutex_);
      ++answers_;
      changed_.notify_one();
    });
    world.fabric().on_message(Channel::kData, [this](mpi::Message&& m) { received_ += m.payload.size(); });
    world.fabric().on_message(Channel::kProbe, [](mpi::Message&&) {});
    world.fabric().on_writable([this](Rank) {
      const std::lock_guard lock(mutex_);
      changed_.notify_one();
    });
  }
  Micros round_trip() {
    const Micros start = boottime_us();
    std::unique_lock lock(mutex_);
    const auto before = answers_;
    world_.fabric().send(1, Channel::kControl, Bytes(16));
    changed_.wait(lock, [&] { return answers_ > before; });
    return boottime_us() - start;
  }
  void stream(std::size_t block, int blocks) {
    const Micros start = boottime_us();
    for (int i = 0; i < blocks; ++i) {
      Bytes b(block);
      while (!world_.fabric().send(1, Channel::kData, b)) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(5));
      }
    }
    round_trip();  // not ordered behind the data, but close to its end
    const double seconds = 1e-6 * static_cast<double>(boottime_us() - start);
    std::printf("data in blocks of %4zu KiB            %.2f GB/s\n", block >> 10, 1e-9 * static_cast<double>(block) * blocks / seconds);
  }

 private:
  mpi::World& world_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t answers_ = 0;
  std::atomic<std::uint64_t> received_{0};
};

void measure(mpi::World& world, Peer& peer) {
  std::vector<Micros> hot;
  std::vector<Micros> cold;
  for (int i = 0; i < 2000; ++i) hot.push_back(peer.round_trip());
  print_times("round trip, hot, thread to thread", hot);
  for (int i = 0; i < 100; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    cold.push_back(peer.round_trip());
  }
  print_times("round trip, both asleep", cold);
  peer.stream(256 << 10, 4000);
  peer.stream(1 << 20, 1000);
  peer.stream(2 << 10, 50'000);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const double cpu = cpu_seconds();
  const mpi::MeshCounters before = world.counters();
  for (int i = 0; i < 25; ++i) {  // five seconds with a probe to everybody each 200 ms
    for (Rank r = 0; r < world.size(); ++r)
      if (r != world.rank()) world.fabric().send(r, Channel::kProbe, Bytes(64));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  const mpi::MeshCounters after = world.counters();
  std::printf("idle, a probe each 200 ms            %.2f %% of a core (%lu sleeps/s, %lu turns/s)\n", 100 * (cpu_seconds() - cpu) / 5,
              (after.sleeps - before.sleeps) / 5, (after.turns - before.turns) / 5);
}

}  // namespace

int main(int argc, char** argv) {
  auto world = mpi::World::start(argc, argv, {});
  if (world->size() < 2) return 1;
  if (world->rank() == 0) {
    std::printf("%d ranks\n", world->size());
    for (int n : {2, 1023}) std::printf("idle, %4d receives posted           %.2f %% of a core\n", n, 100 * polling_share(n));
  }
  Peer peer(*world);
  std::thread logic([&] {
    if (world->rank() == 0) {
      measure(*world, peer);
      std::fflush(stdout);
      for (Rank r = 1; r < world->size(); ++r) world->fabric().send(r, Channel::kProbe, Bytes(1));
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
    } else {
      std::this_thread::sleep_for(std::chrono::seconds(60));
    }
    world->stop();
  });
  if (world->rank() != 0) {
    logic.detach();
    world->fabric().on_message(Channel::kProbe, [&](mpi::Message&& m) {
      if (m.payload.size() == 1) world->stop();
    });
  }
  world->run();
  if (logic.joinable()) logic.join();
  world->linger_and_exit(0);
}
