#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tajo/common/ids.hpp"
#include "tajo/mpi/fabric.hpp"

namespace tajo::mpi {

struct WorldOptions {
  int expected_size = 0;          ///< masters + workers + spares; 0: any
  bool outlive_launcher = false;  ///< go on when mpirun or this host's daemon is lost (needs a session of its own)
  int start_timeout_s = 60;       ///< then the process ends with a line that names what is missing
  std::function<void(const char*)> on_part = [](const char*) {};  ///< a part of the start has ended: for figures
};

/// Where a rank runs.
struct RankPlace {
  std::string host;
  std::int64_t pid = 0;
};

/// Totals since the start; for metrics and tests.
struct MeshCounters {
  std::uint64_t turns = 0;
  std::uint64_t sleeps = 0;
  std::uint64_t bells = 0;            ///< doorbells rung
  std::uint64_t frames_sent = 0;
  std::uint64_t frames_received = 0;
  std::uint64_t bodies_received = 0;  ///< payload chunks that travelled outside a frame
  std::uint64_t retransmitted = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t lane_changes = 0;
  std::uint64_t foreign = 0;          ///< frames of another world or no frames at all: dropped
};

/// The MPI job this process is a rank of. One a process. After start() nothing in it waits for another rank: no
/// blocking and no collective MPI call exists outside the bootstrap.
///
///   auto world = World::start(argc, argv, {.expected_size = 4});
///   world->fabric().on_message(Channel::kControl, [&](Message&& m) { inbox.push(std::move(m)); });
///   std::thread logic(...);      // everything but MPI
///   world->run();                // this thread, until stop()
///   logic.join();
///   world->linger_and_exit(0);
class World {
 public:
  virtual ~World() = default;

  /// Initialises MPI (collective: every rank of the job calls it), exchanges addresses, makes the lanes. The calling
  /// thread becomes the transport's. Throws Error 58000 when fault tolerance is absent or the size is not the
  /// expected one: the process can still end normally then. Not complete after start_timeout_s: a line to stderr
  /// naming the missing ranks where they are known, and the process ends with status 75.
  static std::unique_ptr<World> start(int& argc, char**& argv, const WorldOptions& options);

  virtual Rank rank() const = 0;
  virtual int size() const = 0;
  virtual std::uint64_t id() const = 0;  ///< random, the same at all ranks
  virtual const std::vector<RankPlace>& places() const = 0;  ///< by rank
  const std::string& host(Rank rank) const { return places()[static_cast<std::size_t>(rank)].host; }
  int ranks_on_host(Rank rank) const;

  /// Handlers are set before run().
  virtual Fabric& fabric() = 0;
  /// Moves messages until stop(); only on the thread that called start().
  virtual void run() = 0;
  /// Any thread.
  virtual void stop() = 0;
  /// Grows with each turn of the transport's thread (at least every 20 ms): for the watchdog. Any thread.
  virtual std::uint64_t turns() const = 0;
  virtual MeshCounters counters() const = 0;
  /// True once mpirun or the host's daemon was lost (only with outlive_launcher). Any thread.
  virtual bool launcher_lost() const = 0;

  /// After run(), on its thread: 0.4 s more for what is queued and for acknowledgements, then _exit: MPI_Finalize
  /// hangs after failures. Flushes stdio; runs no destructors.
  [[noreturn]] virtual void linger_and_exit(int status) = 0;
};

}  // namespace tajo::mpi
