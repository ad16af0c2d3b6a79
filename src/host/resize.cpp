#include "tajo/host/resize.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tajo/host/launch_check.hpp"

namespace tajo::host {
namespace fs = std::filesystem;
namespace {

constexpr int kMaxWorkers = 100'000;
constexpr auto kLook = std::chrono::milliseconds(300);
constexpr auto kSupervisorWait = std::chrono::seconds(3);  ///< one that was started with the cluster may still be on its way
constexpr auto kPatience = std::chrono::seconds(120);  ///< two starts

bool supervised(const std::string& directory) {
  const auto give_up = std::chrono::steady_clock::now() + kSupervisorWait;
  do {
    std::error_code failed;
    for (auto it = fs::directory_iterator(directory, failed); !failed && it != fs::directory_iterator(); it.increment(failed))
      if (it->path().filename().string().starts_with("supervisor-")) return true;
    std::this_thread::sleep_for(kLook);
  } while (std::chrono::steady_clock::now() < give_up);
  return false;
}

int refused(const std::string& why) {
  std::fprintf(stderr, "ERROR: %s\n", why.c_str());
  return 1;
}

}  // namespace

int resize(const Config& config, int workers) {
  const std::string directory = ha_directory(config.rootdir());
  if (workers < 1 || workers > kMaxWorkers) return refused("-resize wants a number of workers between 1 and " + std::to_string(kMaxWorkers));
  const auto before = answering_master(config);
  if (!before) return refused("no master of this root directory answers");
  if (!supervised(directory)) return refused("no supervisor watches this cluster: start it with start-tajo.sh --supervise, or run launch/supervise.sh");
  const std::string request = directory + "/requests/resize", fresh = request + ".new";
  std::error_code failed;
  {
    std::ofstream out(fresh);
    out << workers << '\n';
    if (!out.flush()) return refused(fresh + " cannot be written");
  }
  fs::rename(fresh, request, failed);
  if (failed) return refused(request + ": " + failed.message());
  std::printf("asked for %d workers; the cluster is started again, running statements wait\n", workers);
  std::fflush(stdout);
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(kLook);
    const auto now = answering_master(config);
    if (!now || now->launch == before->launch || now->workers != workers) continue;
    std::printf("%d workers serve, clients on %s:%d\n", workers, now->host.c_str(), now->client_port);
    return 0;
  }
  return refused("no cluster with " + std::to_string(workers) + " workers serves after two minutes; the supervisor's log says why");
}

}  // namespace tajo::host
