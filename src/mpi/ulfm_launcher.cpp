#include "ulfm_launcher.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include "tajo/common/error.hpp"
#include "tajo/common/log.hpp"

// The four things used of PMIx. Open MPI's wheel carries the library without its headers; these are part of the PMIx
// standard (version 4, chapter 9) and the same in every release that Open MPI 5 accepts. pmix_info_t is only ever
// filled by PMIx itself, in a buffer larger than any release's.
extern "C" {
using pmix_status = int;
using pmix_event_done = void (*)(pmix_status status, void* results, std::size_t count, void (*op)(pmix_status, void*),
                                 void* op_data, void* data);
using pmix_event_handler = void (*)(std::size_t id, pmix_status status, const void* source, void* info, std::size_t infos,
                                    void* results, std::size_t result_count, pmix_event_done done, void* data);
using pmix_registered = void (*)(pmix_status status, std::size_t id, void* data);
int PMIx_Info_load(void* info, const char* key, const void* value, std::uint16_t type);
pmix_status PMIx_Register_event_handler(pmix_status codes[], std::size_t code_count, void* info, std::size_t infos,
                                        pmix_event_handler handler, pmix_registered registered, void* data);
}

namespace tajo::mpi {
namespace {

constexpr pmix_status kLostConnection = -101;
constexpr pmix_status kUnreachableServer = -61;
constexpr pmix_status kActionComplete = -334;
constexpr std::uint16_t kBoolType = 1;
constexpr auto kRegistrationTime = std::chrono::seconds(5);

std::atomic<bool> lost{false};
enum class Registration : int { kPending, kDone, kRefused };
std::atomic<Registration> registration{Registration::kPending};

extern "C" void on_lost_connection(std::size_t, pmix_status, const void*, void*, std::size_t, void*, std::size_t,
                                   pmix_event_done done, void* data) {
  if (!lost.exchange(true)) log_warn("mpi", "the launcher is lost; this rank goes on without it");
  if (done != nullptr) done(kActionComplete, nullptr, 0, nullptr, nullptr, data);
}

extern "C" void on_registered(pmix_status status, std::size_t, void*) {
  registration = status == 0 ? Registration::kDone : Registration::kRefused;
}

}  // namespace

void survive_launcher() {
  alignas(64) static std::byte info[4096] = {};
  static pmix_status codes[] = {kUnreachableServer, kLostConnection};
  const bool first = true;  // before PMIx's own handler, which would end the process
  PMIx_Info_load(info, "pmix.evprepend", &first, kBoolType);
  PMIx_Register_event_handler(codes, 2, info, 1, &on_lost_connection, &on_registered, nullptr);
  const auto end = std::chrono::steady_clock::now() + kRegistrationTime;
  while (registration == Registration::kPending && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (registration != Registration::kDone)
    throw Error("58000", "PMIx does not take a handler for the loss of the launcher; start without outliving it");
}

bool launcher_was_lost() { return lost; }

}  // namespace tajo::mpi
