// A rank of the stream test: every rank sends numbered messages of all channels and many sizes to every other one and
// checks what it gets. streams.py kills and stops ranks meanwhile and compares what survivors sent and received.
//   streams OUTDIR SECONDS SEED MAX_BYTES
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tajo/common/clock.hpp"
#include "tajo/common/random.hpp"
#include "tajo/mpi/world.hpp"

using namespace tajo;
using mpi::Channel;

namespace {

struct Head {
  std::uint64_t number;
  std::uint64_t size;
  std::int32_t source;
  std::int32_t channel;
};

struct Counts {
  std::array<std::uint64_t, mpi::kChannels> sent{};
  std::array<std::uint64_t, mpi::kChannels> received{};
};

std::byte pattern(const Head& h, std::size_t i) { return static_cast<std::byte>(h.number * 7 + i * 31 + h.source); }

Bytes message(std::uint64_t number, std::size_t size, Rank source, Channel channel) {
  Head h{number, std::max(size, sizeof(Head)), source, static_cast<std::int32_t>(channel)};
  Bytes b(h.size);
  std::memcpy(b.data(), &h, sizeof h);
  for (std::size_t i = sizeof h; i < b.size(); i += 61) b[i] = pattern(h, i);
  return b;
}

/// Number of violations: out of order, lost, doubled, damaged.
std::uint64_t check(const mpi::Message& m, Counts& counts) {
  const auto c = static_cast<std::size_t>(m.channel);
  Head h;
  if (m.payload.size() < sizeof h) return 1;
  std::memcpy(&h, m.payload.data(), sizeof h);
  std::uint64_t bad = h.number != counts.received[c] || h.size != m.payload.size() || h.source != m.source ||
                      h.channel != static_cast<std::int32_t>(c);
  for (std::size_t i = sizeof h; i < m.payload.size(); i += 61) bad += m.payload[i] != pattern(h, i);
  counts.received[c] = h.number + 1;
  return bad;
}

}  // namespace

int main(int argc, char** argv) {
  auto world = mpi::World::start(argc, argv, {.expected_size = 0, .outlive_launcher = argc > 5});
  const std::string out_dir = argv[1];
  const double seconds = std::stod(argv[2]);
  const auto seed = static_cast<std::uint64_t>(std::stoull(argv[3]));
  const std::size_t max_bytes = std::stoull(argv[4]);
  const Rank me = world->rank();
  std::vector<Counts> counts(static_cast<std::size_t>(world->size()));
  std::vector<std::atomic<bool>> suspected(static_cast<std::size_t>(world->size()));
  std::atomic<std::uint64_t> bad{0};
  std::atomic<std::uint64_t> writable{0};
  for (Channel c : {Channel::kProbe, Channel::kControl, Channel::kData})
    world->fabric().on_message(c, [&](mpi::Message&& m) { bad += check(m, counts[static_cast<std::size_t>(m.source)]); });
  world->fabric().on_suspect([&](Rank r) { suspected[static_cast<std::size_t>(r)] = true; });
  world->fabric().on_writable([&](Rank) { ++writable; });

  std::thread logic([&] {
    std::ofstream(out_dir + "/pid" + std::to_string(me)) << ::getpid();
    Random random(seed * 1000 + static_cast<std::uint64_t>(me));
    const Micros end = boottime_us() + static_cast<Micros>(seconds * 1e6);
    std::uint64_t refused = 0;
    while (boottime_us() < end) {
      const auto to = static_cast<Rank>(random.below(static_cast<std::uint64_t>(world->size())));
      if (suspected[static_cast<std::size_t>(to)]) continue;
      const std::uint64_t dice = random.below(100);
      const Channel c = dice < 5 ? Channel::kProbe : dice < 70 ? Channel::kControl : Channel::kData;
      std::size_t size = random.below(dice % 7 == 0 ? 8000 : 300);
      if (c == Channel::kData && random.chance(0.3)) size = random.below(max_bytes);
      auto& sent = counts[static_cast<std::size_t>(to)].sent[static_cast<std::size_t>(c)];
      if (world->fabric().send(to, c, message(sent, size, me, c)))
        ++sent;
      else
        ++refused;
      if (random.below(20) == 0 || refused % 8 == 7) std::this_thread::sleep_for(std::chrono::microseconds(random.below(300)));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(3500));
    world->stop();
  });
  world->run();
  logic.join();
  const mpi::MeshCounters n = world->counters();
  std::ofstream out(out_dir + "/rank" + std::to_string(me));
  out << "bad " << bad << " retransmitted " << n.retransmitted << " lanes " << n.lane_changes << " duplicates " << n.duplicates
      << " frames " << n.frames_sent << " bodies " << n.bodies_received << " foreign " << n.foreign << " bells " << n.bells << '\n';
  for (std::size_t r = 0; r < counts.size(); ++r) {
    out << r << ' ' << suspected[r];
    for (auto x : counts[r].sent) out << ' ' << x;
    for (auto x : counts[r].received) out << ' ' << x;
    out << '\n';
  }
  out.close();
  world->linger_and_exit(0);
}
