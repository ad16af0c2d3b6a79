// The fake service behind a real server, as a process of its own: `fake_server DIRECTORY PORT` prints `ready <port>` and
// serves until it is ended. Its one TCP user is alice, password `wonder,land`.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "running_server.hpp"

int main(int argc, char** argv) {
  using namespace tajo;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  testing::FakeService service(user_name());
  service.add_user("alice", master::format_scram_secret(master::derive_scram_keys("wonder,land", "0123456789abcdef", 4096)));
  pgwire::PgServerConfig config;
  config.host = "127.0.0.1";
  config.socket_directory = argc > 1 ? argv[1] : "";
  config.port = static_cast<std::uint16_t>(argc > 2 ? std::atoi(argv[2]) : 0);
  pgwire::PgServer server(config, service);
  try {
    server.start();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  std::printf("ready %d\n", server.port());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  server.stop();
}
