// The start of the world: the only file of the program in which ranks wait for each other (tests/mpi checks it).
#include <mpi.h>
#include <mpi-ext.h>  // needs mpi.h before it

#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/mpi/exception.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>

#include <csignal>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>

#include "mesh.hpp"
#include "shared_memory.hpp"
#include "tajo/common/log.hpp"
#include "tajo/mpi/world.hpp"
#include "ulfm_launcher.hpp"
#include "ulfm_wire.hpp"

namespace tajo::mpi {
namespace {

constexpr int kCardTag = 7;
constexpr int kBookTag = 8;
constexpr int kStartTimeoutStatus = 75;  // EX_TEMPFAIL: the supervisor may try again
constexpr Micros kLingerUs = 400'000;

/// Ends the process when the start takes too long: MPI_Init, or a rank that never came, would hang it for good.
class StartGuard {
 public:
  explicit StartGuard(int timeout_s)
      : thread_([this, timeout_s] {
          std::unique_lock lock(mutex_);
          if (done_.wait_for(lock, std::chrono::seconds(timeout_s), [this] { return finished_; })) return;
          std::fprintf(stderr, "tajod: the start is not complete after %d s: waiting for %s\n", timeout_s, waiting_for_.c_str());
          ::_exit(kStartTimeoutStatus);
        }) {}
  ~StartGuard() {
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
    }
    done_.notify_all();
    thread_.join();
  }
  void waiting_for(std::string what) {
    const std::lock_guard lock(mutex_);
    waiting_for_ = std::move(what);
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool finished_ = false;
  std::string waiting_for_ = "MPI to start all ranks (MPI_Init)";
  std::thread thread_;
};

/// What each rank tells the others about itself.
struct Card {
  RankPlace place;
  DoorbellAddress bell;

  std::string encode() const {
    ByteWriter out;
    out.buffer().reserve(512);  // g++ 12 else warns of an overflow that is none
    out.text(place.host);
    out.put(place.pid);
    bell.put(out);
    return std::string(as_text(out.take()));
  }
  static Card decode(const std::string& text) {
    ByteReader in(as_bytes(text));
    Card c;
    c.place.host = in.text();
    c.place.pid = in.get<std::int64_t>();
    c.bell = DoorbellAddress::get(in);
    return c;
  }
};

std::string list_of(const std::vector<bool>& missing) {
  std::string out;
  for (std::size_t r = 0; r < missing.size(); ++r)
    if (missing[r]) out += (out.empty() ? "rank " : ", ") + std::to_string(r);
  return out;
}

/// Rank 0 collects all cards, adds the world's id and sends the book to everybody.
std::vector<std::string> exchange_cards(const boost::mpi::communicator& world, const std::string& own, StartGuard& guard) {
  std::vector<std::string> book;
  if (world.rank() != 0) {
    guard.waiting_for("rank 0 to answer");
    world.send(0, kCardTag, own);
    world.recv(0, kBookTag, book);
    return book;
  }
  const auto size = static_cast<std::size_t>(world.size());
  book.resize(size + 1);
  book[0] = own;
  std::vector<bool> missing(size, true);
  missing[0] = false;
  for (std::size_t found = 1; found < size;) {
    guard.waiting_for(list_of(missing));
    for (int r = 1; r < world.size(); ++r) {
      if (!missing[static_cast<std::size_t>(r)] || !world.iprobe(r, kCardTag)) continue;
      world.recv(r, kCardTag, book[static_cast<std::size_t>(r)]);
      missing[static_cast<std::size_t>(r)] = false;
      ++found;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  std::random_device random;
  book[size] = std::to_string((static_cast<std::uint64_t>(random()) << 32 | random()) | 1);
  for (int r = 1; r < world.size(); ++r) world.send(r, kBookTag, book);
  return book;
}

bool fault_tolerant() {
  void* value = nullptr;
  int found = 0;
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPIX_FT, &value, &found);
  return found != 0 && value != nullptr && *static_cast<int*>(value) != 0;
}

void refuse_unfit(const boost::mpi::communicator& world, const WorldOptions& options) {
  if (options.expected_size != 0 && world.size() != options.expected_size)
    throw Error("58000", "the MPI job has " + std::to_string(world.size()) + " rank(s), the configuration asks for " +
                             std::to_string(options.expected_size))
        .hint(world.size() == 1 ? "a job of one rank often means that mpirun belongs to another MPI than this program's"
                                : "masters + workers + spares must be the number of ranks given to mpirun (-n)");
  if (!fault_tolerant())
    throw Error("58000", "this MPI job runs without fault tolerance")
        .hint("start it with Open MPI 5 or newer and: mpirun --with-ft ulfm");
  if (boost::mpi::environment::thread_level() < boost::mpi::threading::funneled)
    throw Error("58000", "this MPI does not support MPI_THREAD_FUNNELED");
}

/// What this program needs of Open MPI, unless the environment or mpirun says otherwise. Read by MPI_Init.
void set_mpi_defaults() {
  static_assert(kChunkBytes + 8192 == 270336);
  constexpr std::pair<const char*, const char*> kDefaults[] = {
      {"OMPI_MCA_pml", "ob1"},                       // the only one that survives failures
      {"OMPI_MCA_coll", "^han"},                     // crashed after a change of the group
      {"OMPI_MCA_btl", "^ofi"},                      // looks for libfabric's providers for 1.5 s; ob1 would only put and get with it
      {"OMPI_MCA_mpi_add_procs_cutoff", "65536"},    // all addresses at the start: the launcher may be gone later
      // Over tcp everything goes eagerly: a peer that dies in a put or a rendezvous crashes ob1 at the survivors.
      {"OMPI_MCA_btl_tcp_flags", "send,inplace,need-ack,need-csum"},
      {"OMPI_MCA_btl_tcp_eager_limit", "270336"},    // kChunkBytes and room for headers
      {"OMPI_MCA_btl_tcp_max_send_size", "270336"},
  };
  for (const auto& [name, value] : kDefaults) ::setenv(name, value, 0);
}

class UlfmWorld : public World {
 public:
  UlfmWorld(int& argc, char**& argv, const WorldOptions& options) {
    ::signal(SIGPIPE, SIG_IGN);
    set_mpi_defaults();
    StartGuard guard(options.start_timeout_s);
    environment_ = std::make_unique<boost::mpi::environment>(argc, argv, boost::mpi::threading::funneled, false);
    options.on_part("MPI_Init");
    const boost::mpi::communicator world;
    refuse_unfit(world, options);
    set_log_rank(world.rank());
    take_shared_memory(world.rank());
    auto doorbell = std::make_unique<Doorbell>();
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    const Card own{{host, ::getpid()}, doorbell->address()};
    const std::vector<std::string> book = exchange_cards(world, own.encode(), guard);
    std::vector<DoorbellAddress> bells;
    for (int r = 0; r < world.size(); ++r) {
      Card card = Card::decode(book[static_cast<std::size_t>(r)]);
      places_.push_back(std::move(card.place));
      bells.push_back(std::move(card.bell));
    }
    doorbell->connect(bells);
    id_ = std::stoull(book.back());
    options.on_part("addresses");
    guard.waiting_for("all ranks to make the lanes");
    std::array<MPI_Comm, kLanes> lanes;
    for (MPI_Comm& lane : lanes) {
      MPI_Comm_dup(MPI_COMM_WORLD, &lane);
      MPI_Comm_set_errhandler(lane, MPI_ERRORS_RETURN);
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    // Nobody sends before everybody has the lanes and their error handlers.
    MPI_Barrier(MPI_COMM_WORLD);
    options.on_part("lanes");
    if (options.outlive_launcher) survive_launcher();
    options.on_part("launcher handler");
    auto wire = std::make_unique<UlfmWire>(lanes, world.rank(), world.size());
    mesh_ = std::make_unique<Mesh>(world.rank(), world.size(), id_, std::move(wire), std::move(doorbell));
  }

  ~UlfmWorld() override {
    // After the start a rank never finalises (linger_and_exit): the environment must not try.
    if (mesh_) (void)environment_.release();
  }

  Rank rank() const override { return mesh_->rank(); }
  int size() const override { return mesh_->size(); }
  std::uint64_t id() const override { return id_; }
  const std::vector<RankPlace>& places() const override { return places_; }
  Fabric& fabric() override { return *mesh_; }
  void run() override { mesh_->run(); }
  void stop() override { mesh_->stop(); }
  std::uint64_t turns() const override { return mesh_->turns(); }
  MeshCounters counters() const override { return mesh_->counters(); }
  bool launcher_lost() const override { return launcher_was_lost(); }

  [[noreturn]] void linger_and_exit(int status) override {
    mesh_->linger(kLingerUs);
    std::fflush(nullptr);
    ::_exit(status);
  }

 private:
  std::unique_ptr<boost::mpi::environment> environment_;
  std::vector<RankPlace> places_;
  std::uint64_t id_ = 0;
  std::unique_ptr<Mesh> mesh_;
};

}  // namespace

std::unique_ptr<World> World::start(int& argc, char**& argv, const WorldOptions& options) {
  return std::make_unique<UlfmWorld>(argc, argv, options);
}

int World::ranks_on_host(Rank rank) const {
  int n = 0;
  for (const RankPlace& p : places()) n += p.host == host(rank);
  return n;
}

}  // namespace tajo::mpi
