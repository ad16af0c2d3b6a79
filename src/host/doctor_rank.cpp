// `tajo doctor-rank`: one process a host. Rank 0 leads: it makes a directory below the root directory, lets the others look
// for it, races one of them for slots, collects what every host says of itself and prints the findings.
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

#include "doctor_facts.hpp"
#include "doctor_finding.hpp"
#include "doctor_hosts.hpp"
#include "doctor_race.hpp"
#include "tajo/common/bytes.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/common/config.hpp"
#include "tajo/common/error.hpp"
#include "tajo/host/doctor.hpp"
#include "tajo/mpi/world.hpp"

namespace tajo::host {
namespace {

namespace fs = std::filesystem;

constexpr Micros kLookUs = 1'000'000;     ///< for a host to see a directory of another
constexpr Micros kLateUs = 500'000;       ///< for a host to see a name that was just made
constexpr Micros kRaceEndUs = 3'300'000;   ///< after the process began; the race is over by then
constexpr Micros kAnswerUs = 4'000'000;   ///< after the process began; for all hosts to have answered everything
constexpr int kStartTimeoutS = 4;

enum class Step : std::uint8_t { kLook, kReady, kLate, kRace, kReport, kBye };

/// Messages of the transport's thread for the thread that works.
class Inbox {
 public:
  void push(mpi::Message&& m) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(m));
    ready_.notify_one();
  }
  /// False when nothing came until `end_us`.
  bool pop(mpi::Message& out, Micros end_us) {
    std::unique_lock lock(mutex_);
    const Micros left = end_us - boottime_us();
    if (!ready_.wait_for(lock, std::chrono::microseconds(std::max<Micros>(0, left)), [this] { return !messages_.empty(); })) return false;
    out = std::move(messages_.front());
    messages_.pop_front();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<mpi::Message> messages_;
};

Bytes letter(Step step, const std::string& text = {}) {
  ByteWriter out;
  out.buffer().reserve(16 + text.size());  // g++ 12 else warns of an overflow that is none
  out.put(step);
  out.text(text);
  return out.take();
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

/// Microseconds until `path` is seen, at most `limit`.
Micros wait_for(const std::string& path, Micros limit, bool& seen) {
  const Micros begin = boottime_us();
  while (!(seen = exists(path)) && boottime_us() - begin < limit) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return boottime_us() - begin;
}

/// What a host reports: findings about itself, and the race log where it raced.
Bytes report(const std::vector<Finding>& findings, const RaceLog* log) {
  ByteWriter out;
  out.buffer().reserve(65536);
  out.put(Step::kReport);
  out.put(static_cast<std::uint32_t>(findings.size()));
  for (const Finding& f : findings) out.text(encode(f));
  out.put(log != nullptr);
  if (log == nullptr) return out.take();
  out.text(log->racer);
  out.text(log->failure);
  out.put(log->spent_us);
  out.put(static_cast<std::uint32_t>(log->winners.size()));
  for (const std::string& winner : log->winners) out.text(winner);
  return out.take();
}

void read_report(ByteReader& in, std::vector<Finding>& findings, RaceLog& log) {
  for (auto n = in.get<std::uint32_t>(); n > 0; --n)
    if (auto f = decode_finding(in.text())) findings.push_back(*f);
  if (!in.get<bool>()) return;
  log.racer = in.text();
  log.failure = in.text();
  log.spent_us = in.get<Micros>();
  log.winners.clear();
  for (auto n = in.get<std::uint32_t>(); n > 0; --n) log.winners.push_back(in.text());
}

struct Probe {
  Probe(const Config& c, mpi::World& w) : config(c), world(w), host(w.host(w.rank())) {
    for (const mpi::RankPlace& place : w.places())
      if (std::find(hosts.begin(), hosts.end(), place.host) == hosts.end()) hosts.push_back(place.host);
  }
  const Config& config;
  mpi::World& world;
  Inbox inbox;
  std::string host;
  std::vector<std::string> hosts;

  std::vector<Finding> findings_of_host() {
    std::vector<std::string> configured;
    for (const MasterLine& line : config.masters()) configured.push_back(line.host);
    for (const WorkerLine& line : config.workers()) configured.push_back(line.host);
    const HostNeeds needs = needs_of(config, host, configured);
    return judge(host, needs, gather_facts(needs));
  }
  /// The first rank on another host, else the second one here.
  Rank rival() const {
    for (int rank = 1; rank < world.size(); ++rank)
      if (world.host(rank) != world.host(0)) return rank;
    return world.size() > 1 ? 1 : kNoRank;
  }
  bool first_on_host() const {
    for (int rank = 0; rank < world.rank(); ++rank)
      if (world.host(rank) == host) return false;
    return true;
  }
};

/// Any rank but the leader: does as it is told until kBye or until the leader is silent for too long.
void follow(Probe& probe, Micros patience) {
  std::vector<Finding> findings;
  RaceLog log;
  bool raced = false;
  std::string directory;
  if (probe.first_on_host()) findings = probe.findings_of_host();
  mpi::Message message;
  while (probe.inbox.pop(message, boottime_us() + kAnswerUs + patience)) {
    ByteReader in(message.payload);
    const auto step = in.get<Step>();
    if (step == Step::kBye) return;
    const std::string text = in.text();
    const std::string late = directory + "/late-" + std::to_string(probe.world.rank());
    bool seen = false;
    if (step == Step::kLook) {
      directory = text;
      wait_for(directory, kLookUs, seen);
      if (!seen)
        findings.push_back({Grade::kError, probe.host, "rootdir", directory + ", made on " + probe.world.host(0) + ", is not seen here",
                            "tajo.rootdir must be the same directory of a shared filesystem on every host"});
      exists(directory + "/late-" + std::to_string(probe.world.rank()));  // this host may now remember that the name is absent
      probe.world.fabric().send(0, mpi::Channel::kControl, letter(Step::kReady, seen ? "seen" : ""));
    } else if (step == Step::kLate) {
      const Micros waited = wait_for(late, kLateUs, seen);
      if (probe.host != probe.world.host(0)) findings.push_back(judge_look_ups(probe.host, waited, seen));
    } else if (step == Step::kRace) {
      raced = true;
      log = race(directory, "rank-" + std::to_string(probe.world.rank()), std::atol(text.c_str()));
    } else if (step == Step::kReport) {
      probe.world.fabric().send(0, mpi::Channel::kControl, report(findings, raced ? &log : nullptr));
    }
  }
}

/// Makes the directory of the probe and removes it, with what it made above it.
class ProbeDirectory {
 public:
  explicit ProbeDirectory(const std::string& rootdir) {
    for (fs::path path = rootdir; !fs::exists(path) && path.has_parent_path(); path = path.parent_path()) made_.push_back(path);
    std::random_device random;
    path_ = rootdir + "/.doctor-" + std::to_string(random()) + std::to_string(::getpid());
    fs::create_directories(path_);
  }
  ~ProbeDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    for (const fs::path& path : made_) fs::remove(path, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<fs::path> made_;  ///< deepest first
};

void print(const std::vector<Finding>& findings) {
  for (const Finding& f : findings) std::cout << encode(f) << '\n';
  std::cout << std::flush;
}

class Leader {
 public:
  Leader(Probe& probe, Micros begin, Micros patience) : probe_(probe), race_end_(begin + kRaceEndUs + patience), end_(begin + kAnswerUs + patience) {}

  void lead() {
    print(probe_.findings_of_host());
    try {
      ProbeDirectory directory(probe_.config.rootdir());
      look(directory.path());
      run_race(directory.path());
    } catch (const fs::filesystem_error& e) {
      print({{Grade::kError, probe_.host, "rootdir", "\"" + probe_.config.rootdir() + "\" cannot be written: " + e.code().message(),
              "set tajo.rootdir in tajo-site.xml to a directory of yours on a filesystem that all hosts see"}});
      ask_reports();
    }
    for (int rank = 1; rank < probe_.world.size(); ++rank) send(rank, Step::kBye);
  }

 private:
  void send(Rank rank, Step step, const std::string& text = {}) { probe_.world.fabric().send(rank, mpi::Channel::kControl, letter(step, text)); }

  void look(const std::string& directory) {
    for (int rank = 1; rank < probe_.world.size(); ++rank) send(rank, Step::kLook, directory);
    sees_.assign(static_cast<std::size_t>(probe_.world.size()), false);
    collect(Step::kReady);
    for (int rank = 1; rank < probe_.world.size(); ++rank) {
      if (!sees_[static_cast<std::size_t>(rank)]) continue;
      if (::symlink("here", (directory + "/late-" + std::to_string(rank)).c_str()) != 0) continue;
      // The link leads nowhere: made a file, so that access(2) finds it.
      if (std::FILE* file = std::fopen((directory + "/here").c_str(), "ae")) std::fclose(file);
      send(rank, Step::kLate);
    }
  }

  void run_race(const std::string& directory) {
    const Rank rival = probe_.rival();
    RaceLog own{"rank-0", {}, {}, 0};
    const bool raced = rival != kNoRank && sees_[static_cast<std::size_t>(rival)];
    if (raced) {
      const Micros limit = std::min(kRaceUs, race_end_ - boottime_us());
      send(rival, Step::kRace, std::to_string(limit));
      own = race(directory, own.racer, limit);
    }
    ask_reports();
    if (!raced) return;
    const std::string& there = probe_.world.host(rival);
    const std::string hosts = there == probe_.host ? probe_.host : probe_.host + "," + there;
    if (rival_.winners.empty() && rival_.failure.empty()) return;  // its silence was said already
    Finding finding = judge_race(hosts, own, rival_, read_slots(directory));
    if (there == probe_.host) finding.text += " (two processes of this one host)";
    print({finding});
  }

  void ask_reports() {
    for (int rank = 1; rank < probe_.world.size(); ++rank) send(rank, Step::kReport);
    collect(Step::kReport);
  }

  /// Waits for one answer of each other rank; says who is silent.
  void collect(Step wanted) {
    std::vector<bool> answered(static_cast<std::size_t>(probe_.world.size()), false);
    answered[0] = true;
    mpi::Message message;
    while (std::find(answered.begin(), answered.end(), false) != answered.end() && probe_.inbox.pop(message, end_)) {
      ByteReader in(message.payload);
      if (in.get<Step>() != wanted) continue;
      const auto rank = static_cast<std::size_t>(message.source);
      answered[rank] = true;
      if (wanted == Step::kReady) {
        sees_[rank] = !in.text().empty();
      } else {
        std::vector<Finding> findings;
        read_report(in, findings, message.source == probe_.rival() ? rival_ : other_);
        print(findings);
      }
    }
    for (std::size_t rank = 0; rank < answered.size(); ++rank)
      if (!answered[rank])
        print({{Grade::kError, probe_.world.host(static_cast<int>(rank)), "answers", "no answer in time",
                "the filesystem of tajo.rootdir hangs there, or the network does"}});
  }

  Probe& probe_;
  Micros race_end_;
  Micros end_;
  std::vector<bool> sees_;
  RaceLog rival_, other_;
};

}  // namespace

int run_doctor_rank(const std::string& config_directory, int ranks, int patience_s, const std::string& only) {
  int argc = 0;
  char** argv = nullptr;
  try {
    const Micros begin = boottime_us();
    const Config whole = Config::load(config_directory);
    const Config config = only.empty() ? whole : whole.on_hosts(expand_host_list(only));
    auto world = mpi::World::start(argc, argv, {ranks, false, kStartTimeoutS + patience_s});
    Probe probe(config, *world);
    if (world->rank() == 0)
      print({{Grade::kOk, "", "MPI", "fault tolerance is on; " + std::to_string(probe.hosts.size()) + " host(s), " + std::to_string(world->size()) +
              " processes joined in " + std::to_string((boottime_us() - begin) / 1000) + " ms", {}}});
    world->fabric().on_message(mpi::Channel::kControl, [&](mpi::Message&& m) { probe.inbox.push(std::move(m)); });
    std::thread work([&] {
      if (world->rank() == 0) Leader(probe, begin, patience_s * 1'000'000).lead();
      else follow(probe, patience_s * 1'000'000);
      world->stop();
    });
    world->run();
    work.join();
    world->linger_and_exit(0);
  } catch (const Error& e) {
    print({{Grade::kError, "", "MPI", e.message(), e.hint().empty() ? "launch/setup.sh installs an MPI that has it" : e.hint()}});
  }
  return 1;
}

}  // namespace tajo::host
