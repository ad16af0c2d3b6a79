// Starts a world and ends: start EXPECTED_SIZE. Prints the refusal and ends with 3, or one line a rank and 0.
#include <cstdio>
#include <string>
#include <thread>

#include "tajo/common/error.hpp"
#include "tajo/mpi/world.hpp"

int main(int argc, char** argv) {
  try {
    auto world = tajo::mpi::World::start(argc, argv, {.expected_size = std::stoi(argv[1]), .start_timeout_s = 20});
    std::printf("rank %d of %d on %s (%d here)\n", world->rank(), world->size(), world->host(world->rank()).c_str(),
                world->ranks_on_host(world->rank()));
    std::thread logic([&] { world->stop(); });
    world->run();
    logic.join();
    world->linger_and_exit(0);
  } catch (const tajo::Error& e) {
    std::printf("refused %s: %s (%s)\n", e.sqlstate().c_str(), e.what(), e.hint().c_str());
    return 3;
  }
}
