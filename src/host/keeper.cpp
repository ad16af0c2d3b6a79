#include "tajo/host/keeper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "shared_segments.hpp"
#include "tajo/common/error.hpp"
#include "tajo/host/published.hpp"

namespace tajo::host {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;
constexpr int kLookMs = 1000;          ///< at requests, while the rank runs
constexpr int kStopLookMs = 100;       ///< at a rank that is to stop

struct Pipe {
  int read = -1, write = -1;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error("53000", std::string("keeper: pipe: ") + std::strerror(errno));
  return {ends[0], ends[1]};
}

pid_t fork_or_throw() {
  const pid_t pid = ::fork();
  if (pid < 0) throw Error("53000", std::string("keeper: fork: ") + std::strerror(errno));
  return pid;
}

/// Tells a process from a later one with the same number.
std::string start_time(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return {};
  std::stringstream fields(text.substr(end_of_name + 1));
  std::string state, field;
  fields >> state;
  if (state == "Z" || state == "X") return {};
  for (int i = 4; i <= 22; ++i) fields >> field;
  return field;
}

/// The process in the name of PRRTE's directory, `prted.PID` or `prte….HOST.PID.UID` by version: the launcher, even where a
/// rank is started by something in between (TAJO_RANK_PREFIX). 0: no such name.
pid_t owner_of(const std::string& name) {
  const auto first = name.find('.'), last = name.rfind('.');
  if (!name.starts_with("prte") || first == std::string::npos) return 0;
  const auto before = last == first ? first : name.rfind('.', last - 1);
  const std::string digits = last == first ? name.substr(first + 1) : name.substr(before + 1, last - before - 1);
  return digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos ? 0 : static_cast<pid_t>(std::strtol(digits.c_str(), nullptr, 10));
}

/// The front: what the launcher waits for. It passes a rank's failure on as a signal, which a fault-tolerant launcher
/// tells the others and survives; ended by a status it would end them all.
[[noreturn]] void stay_in_front(int from_keeper) {
  ::prctl(PR_SET_NAME, "tajod-front");
  struct {
    int status = 0;
    bool stood = false;
  } end;
  ssize_t n = 0;
  while ((n = ::read(from_keeper, &end, sizeof end)) < 0 && errno == EINTR) {
  }
  if (n != static_cast<ssize_t>(sizeof end)) {
    // The keeper was killed; the rank holds the pipe too, so it has ended as well.
    end.status = SIGKILL;
    end.stood = true;
  }
  if (WIFEXITED(end.status) && (WEXITSTATUS(end.status) == 0 || !end.stood)) ::_exit(WEXITSTATUS(end.status));
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::kill(::getpid(), SIGKILL);
  ::_exit(1);
}

class Keeper {
 public:
  Keeper(const KeeperConfig& config, pid_t rank, pid_t launcher, std::string start_directory, int report, int front, int to_front)
      : config_(config), rank_(rank), launcher_(launcher), start_directory_(std::move(start_directory)), report_(report), front_(front), to_front_(to_front) {
    const char* directory = std::getenv("PMIX_SERVER_TMPDIR");
    const std::string name = directory == nullptr ? "" : fs::path(directory).filename().string();
    if (name.starts_with("prte") || name.starts_with("ompi")) launcher_directory_ = directory;  // PRRTE's, not a batch system's
    if (const pid_t owner = owner_of(name); owner != 0) launcher_ = owner;
    launcher_start_ = start_time(launcher_);
  }

  [[noreturn]] void run() {
    ::prctl(PR_SET_NAME, "tajod-keeper");
    leave_launchers_pipes();
    sigset_t signals;
    sigemptyset(&signals);
    for (int s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, s);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    const int signal_fd = ::signalfd(-1, &signals, SFD_CLOEXEC);
    const int rank_fd = static_cast<int>(::syscall(SYS_pidfd_open, rank_, 0));
    while (true) {
      pollfd fds[4] = {{rank_fd, POLLIN, 0}, {report_, POLLIN, 0}, {front_, POLLIN, 0}, {signal_fd, POLLIN, 0}};
      ::poll(fds, 4, wait_ms());
      if (fds[1].revents != 0) take_reports();
      int status = 0;
      if (::waitpid(rank_, &status, WNOHANG) == rank_) end(status);
      if (fds[2].revents != 0) launcher_left();
      if (fds[3].revents != 0) take_signal(signal_fd);
      look();
    }
  }

 private:
  static void leave_launchers_pipes() {
    const int null = ::open("/dev/null", O_RDWR);
    for (int fd : {0, 1, 2}) ::dup2(null, fd);
    if (null > 2) ::close(null);
  }

  int wait_ms() const { return stopping_since_ ? kStopLookMs : kLookMs; }

  void take_reports() {
    char buffer[4096];
    const ssize_t n = ::read(report_, buffer, sizeof buffer);
    if (n <= 0) {
      report_ = -1;
      return;
    }
    reports_.append(buffer, static_cast<std::size_t>(n));
    for (std::size_t end; (end = reports_.find('\n')) != std::string::npos; reports_.erase(0, end + 1)) {
      const std::string line = reports_.substr(0, end);
      if (line.starts_with("started ")) stands(line.substr(8));
      if (line.starts_with("leaves ")) leftovers_.insert(line.substr(7));
    }
  }

  void stands(const std::string& rank) {
    stood_ = true;
    name_ = config_.launch + "-" + rank;
    std::error_code ignored;
    fs::create_directories(config_.directory + "/requests", ignored);
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    if (!launcher_directory_.empty())
      std::ofstream(launcher_file(host)) << "host " << host << "\npid " << launcher_ << "\nstart " << launcher_start_ << "\ndirectory " << launcher_directory_ << "\n";
    remove_dead_launchers();
    std::ofstream(config_.directory + "/rank-" + name_) << "host " << host << "\npid " << rank_ << "\nkeeper " << ::getpid() << "\n";
    if (const char* command = std::getenv("TAJO_RANK_STANDS"); command != nullptr && *command != 0) run_detached(command);
  }

  /// For what has started the rank (TAJO_RANK_PREFIX) and may hold it by something that is not to outlive the start.
  static void run_detached(const char* command) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::fork() == 0) ::execl("/bin/sh", "sh", "-c", command, nullptr);
      ::_exit(0);
    }
    if (child > 0) ::waitpid(child, nullptr, 0);
  }

  void launcher_left() {
    front_ = -1;
    if (!stood_) ::kill(rank_, SIGKILL);  // a start that was given up
  }

  void take_signal(int signal_fd) {
    signalfd_siginfo info;
    if (::read(signal_fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info) && info.ssi_signo != SIGHUP) stop();
  }

  void stop() {
    if (stopping_since_) return;
    stopping_since_ = SteadyClock::now();
    ::kill(rank_, stood_ ? SIGTERM : SIGKILL);  // one that still starts has nothing to leave in order
    ::kill(rank_, SIGCONT);                     // it may be suspended
  }

  void look() {
    const auto now = SteadyClock::now();
    if (stopping_since_) {
      if (now - *stopping_since_ > std::chrono::seconds(config_.stop_timeout_s)) ::kill(rank_, SIGKILL);
      return;
    }
    if (now - last_look_ < std::chrono::milliseconds(kLookMs)) return;
    last_look_ = now;
    if (!stood_) {
      if (launcher_gone()) ::kill(rank_, SIGKILL);  // the front may live on, where something in between has started it
      return;
    }
    const Request request = requested(config_.directory, config_.launch);
    if (request == Request::kReplace) ::kill(rank_, SIGKILL);
    if (request != Request::kStop) return;
    std::error_code ignored;
    fs::rename(config_.directory + "/rank-" + name_, config_.directory + "/stopping-" + name_, ignored);
    stop();
  }

  std::string launcher_file(const std::string& host) const { return config_.directory + "/launcher-" + host + "-" + config_.launch; }

  bool launcher_gone() const { return !launcher_start_.empty() && start_time(launcher_) != launcher_start_; }

  /// A launcher that lives removes its own directory; those of this host that were killed, of earlier launches too, cannot.
  void remove_dead_launchers() const {
    std::error_code ignored;
    if (!launcher_directory_.empty() && start_time(launcher_) != launcher_start_) fs::remove_all(launcher_directory_, ignored);
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    const std::string prefix = std::string("launcher-") + host + "-";
    for (auto it = fs::directory_iterator(config_.directory, ignored); it != fs::directory_iterator(); it.increment(ignored)) {
      if (!it->path().filename().string().starts_with(prefix)) continue;
      std::ifstream file(it->path());
      std::string word, on, start, directory;
      pid_t pid = 0;
      if (!(file >> word >> on >> word >> pid >> word >> start >> word >> directory) || start_time(pid) == start) continue;
      fs::remove_all(directory, ignored);
      fs::remove(it->path(), ignored);
    }
  }

  [[noreturn]] void end(int status) {
    while (report_ >= 0) take_reports();  // its last ones
    if (!stood_) leftovers_.merge(segments_without_user(started_));
    for (const std::string& path : leftovers_) ::unlink(path.c_str());
    remove_dead_launchers();
    std::error_code ignored;
    fs::remove_all(start_directory_, ignored);
    if (!name_.empty()) {
      fs::remove(config_.directory + "/rank-" + name_, ignored);
      fs::remove(config_.directory + "/stopping-" + name_, ignored);
    }
    struct {
      int status = 0;
      bool stood = false;
    } message{status, stood_};
    (void)!::write(to_front_, &message, sizeof message);
    ::_exit(0);
  }

  KeeperConfig config_;
  pid_t rank_, launcher_;
  std::string launcher_start_, launcher_directory_, start_directory_;
  int report_, front_, to_front_;
  bool stood_ = false;
  std::string name_, reports_;
  std::set<std::string> leftovers_;
  const fs::file_time_type started_ = fs::file_time_type::clock::now();
  std::optional<SteadyClock::time_point> stopping_since_;
  SteadyClock::time_point last_look_ = SteadyClock::now();
};

}  // namespace

Kept Kept::detach(const KeeperConfig& config) {
  const pid_t launcher = ::getppid();
  // A rank whose launcher goes while it starts MPI makes the directories that it would have got from it, below TMPDIR.
  std::error_code none;
  const std::string start_directory = fs::temp_directory_path(none) / ("tajo-start-" + std::to_string(::getpid()));
  const Pipe to_front = make_pipe(), front = make_pipe(), report = make_pipe(), keeper = make_pipe();
  if (fork_or_throw() != 0) {
    for (int fd : {to_front.write, front.read, report.read, report.write, keeper.read, keeper.write}) ::close(fd);
    stay_in_front(to_front.read);
  }
  ::setsid();
  for (int fd : {to_front.read, front.write}) ::close(fd);
  const pid_t rank = fork_or_throw();
  if (rank != 0) {
    for (int fd : {report.write, keeper.read}) ::close(fd);
    Keeper(config, rank, launcher, start_directory, report.read, front.read, to_front.write).run();
  }
  ::setsid();
  ::setenv("TMPDIR", start_directory.c_str(), 1);
  for (int fd : {front.read, report.read, keeper.write}) ::close(fd);
  return {report.write, keeper.read};
}

void Kept::started(Rank rank, const std::string& log_file) {
  if (report_ < 0) return;
  for (const std::string& path : segments_of("self"))
    // All ranks of the host have attached; the name is needed no more, and a killed rank leaves nothing behind.
    ::unlink(path.c_str());
  const int log = ::open(log_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, 0);
  for (int fd : {1, 2})
    if (log >= 0) ::dup2(log, fd);
  const std::string line = "started " + std::to_string(rank) + "\n";
  (void)!::write(report_, line.data(), line.size());
}

void Kept::leaves(const std::string& path) const {
  if (report_ < 0) return;
  const std::string line = "leaves " + path + "\n";
  (void)!::write(report_, line.data(), line.size());
}

bool Kept::keeper_lives() const {
  if (keeper_ < 0) return false;
  pollfd fd{keeper_, POLLIN, 0};
  return ::poll(&fd, 1, 0) <= 0;
}

}  // namespace tajo::host
