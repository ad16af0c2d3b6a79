#include "tajo/master/crash_notes.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tajo/common/clock.hpp"
#include "tajo/common/error.hpp"
#include "tajo/common/log.hpp"

namespace tajo::master {

namespace fs = std::filesystem;

namespace {

constexpr std::array<int, 5> kSignals = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
constexpr std::size_t kDigestDigits = 16;

// All the handler looks at: no locks, no allocation. The note is a line, written beforehand: digest, request id.
std::atomic<int> note_file{-1};
std::array<struct sigaction, 64> previous_actions;
struct Planned {
  std::array<char, kDigestDigits + 1 + CrashNotes::kMaxRequestIdBytes + 1> line;
  std::size_t length = 0;
};
thread_local Planned planned;

void write_all(int file, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(file, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
}

void on_fault(int number, siginfo_t* info, void*) {
  const int saved = errno;
  // A signal somebody sent says nothing about the statement; a fault or abort() of this thread does.
  const bool own = info->si_code > 0 || (info->si_code == SI_TKILL && info->si_pid == ::getpid());
  if (own && planned.length > 0) {
    const int file = note_file.load(std::memory_order_acquire);
    if (file >= 0) {
      write_all(file, planned.line.data(), planned.length);
      ::fsync(file);
    }
    static constexpr char kText[] = "tajod: a crash while this statement was planned: ";
    write_all(STDERR_FILENO, kText, sizeof kText - 1);
    write_all(STDERR_FILENO, planned.line.data(), planned.length);
    ::signal(number, SIG_DFL);
  } else {
    ::sigaction(number, &previous_actions[static_cast<std::size_t>(number)], nullptr);
  }
  errno = saved;
  // A fault comes again when its instruction does; what was raised has to be raised again (abort() does so itself).
  if (info->si_code <= 0 && number != SIGABRT) ::raise(number);
}

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int number : kSignals) ::sigaction(number, &action, &previous_actions[static_cast<std::size_t>(number)]);
  });
}

/// A thread that has used up its stack can only be noted from another one.
class SignalStack {
 public:
  SignalStack() {
    stack_t now{};
    if (::sigaltstack(nullptr, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0) return;
    void* memory = ::mmap(nullptr, CrashNotes::kSignalStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_t own{};
    own.ss_sp = memory;
    own.ss_size = CrashNotes::kSignalStackBytes;
    if (::sigaltstack(&own, nullptr) == 0) memory_ = memory;
    else ::munmap(memory, CrashNotes::kSignalStackBytes);
  }
  ~SignalStack() {
    if (memory_ == nullptr) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
    ::munmap(memory_, CrashNotes::kSignalStackBytes);
  }

 private:
  void* memory_ = nullptr;
};

}  // namespace

CrashNotes::CrashNotes(std::string directory, std::uint64_t world, int rank) : directory_(std::move(directory)) {
  char text[32];
  std::snprintf(text, sizeof text, "%016llx-", static_cast<unsigned long long>(world));
  prefix_ = text;
  own_ = directory_ + "/" + prefix_ + std::to_string(rank) + ".note";
  std::error_code ignored;
  fs::create_directories(directory_, ignored);
  const int file = ::open(own_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw Error(sqlstate::kIoError, "could not open \"" + own_ + "\": " + std::strerror(errno));
  note_file.store(file, std::memory_order_release);
  install_handler();
}

CrashNotes::~CrashNotes() {
  const int file = note_file.exchange(-1);
  if (file >= 0) ::close(file);
}

void CrashNotes::load() {
  std::set<std::string> requests;
  std::set<std::uint64_t> digests;
  std::error_code failed;
  std::size_t looked_at = 0;
  for (fs::directory_iterator it(directory_, failed); !failed && it != fs::directory_iterator() && looked_at < kMaxNotes; it.increment(failed)) {
    ++looked_at;
    std::ifstream in(it->path());
    for (std::string line; std::getline(in, line);) {
      std::uint64_t digest = 0;
      const char* end = line.data() + std::min(kDigestDigits, line.size());
      const auto [after, error] = std::from_chars(line.data(), end, digest, 16);
      if (error != std::errc() || after != line.data() + kDigestDigits || line.size() <= kDigestDigits) continue;  // a crash in the crash
      digests.insert(digest);
      requests.insert(line.substr(kDigestDigits + 1));
    }
  }
  if (failed) log_warn("master", "notes of crashed statements in \"" + directory_ + "\" cannot be read: " + failed.message());
  std::lock_guard lock(mutex_);
  requests_ = std::move(requests);
  digests_ = std::move(digests);
}

bool CrashNotes::names(const std::string& request_id, std::uint64_t digest) const {
  std::lock_guard lock(mutex_);
  return digests_.contains(digest) || requests_.contains(request_id.substr(0, kMaxRequestIdBytes));
}

void CrashNotes::sweep(std::int64_t now_ms) const {
  std::error_code ignored;
  for (fs::directory_iterator it(directory_, ignored); it != fs::directory_iterator(); it.increment(ignored)) {
    struct stat status {};
    const std::string path = it->path().string();
    if (path == own_ || ::stat(path.c_str(), &status) != 0) continue;
    const bool old = now_ms - std::int64_t{status.st_mtim.tv_sec} * 1000 > kKeepNotesMs;
    // An empty note of this world is its master's to write; of another world nobody's.
    const bool of_this_world = it->path().filename().string().starts_with(prefix_);
    if (status.st_size == 0 ? !of_this_world : old) fs::remove(it->path(), ignored);
  }
}

void CrashNotes::discard() { ::unlink(own_.c_str()); }

PlanningScope::PlanningScope(const std::string& request_id, std::uint64_t digest) {
  thread_local SignalStack stack;
  static_cast<void>(stack);
  char* out = planned.line.data();
  static constexpr char kHex[] = "0123456789abcdef";
  for (std::size_t i = 0; i < kDigestDigits; ++i) *out++ = kHex[digest >> (60 - 4 * i) & 15];
  *out++ = ' ';
  const std::size_t length = std::min(request_id.size(), CrashNotes::kMaxRequestIdBytes);
  for (std::size_t i = 0; i < length; ++i) *out++ = request_id[i] == '\n' ? ' ' : request_id[i];
  *out++ = '\n';
  std::atomic_signal_fence(std::memory_order_seq_cst);
  planned.length = static_cast<std::size_t>(out - planned.line.data());
}

PlanningScope::~PlanningScope() {
  planned.length = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

}  // namespace tajo::master
