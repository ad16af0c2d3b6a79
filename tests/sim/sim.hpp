#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "events.hpp"
#include "file_server.hpp"
#include "network.hpp"
#include "sim_rank.hpp"
#include "variants.hpp"

namespace tajo::sim {

/// Path of the row that a batch closes, empty when it closes none.
std::string sim_closing_row(ByteView batch);

struct Options {
  std::uint64_t seed = 1;
  int verbosity = 0;
  Variant variant;
  int masters = 0;  ///< 0: drawn
  int workers = 0;
  int spares = -1;
  bool masters_last = false;  ///< the ranks of conf/masters are the highest of the world
  int clients = 6;
  bool sql = false;      ///< the whole warehouse under SQL, not only the log
  double writes = 0;     ///< share of statements, 0: drawn
  double think_s = 0;    ///< pause of a client between statements, 0: drawn
  double end_s = 72;
  double heal_s = 42;    ///< random faults are over by then
  std::int64_t row_slots = 0;
  std::uint32_t table_splits = 4;  ///< tasks a scan is cut into
  int favoured = -1;     ///< SqlLoad::Kind of every other statement, -1: none
  bool prolong = true;   ///< go on until kMinStatements are answered
  bool record = false;   ///< keep the end of the timeline
};

inline constexpr std::uint64_t kMinStatements = 200;  ///< of a run
inline constexpr std::uint64_t kMinFaults = 3;        ///< of a random run, that did something
inline constexpr std::size_t kTimelineBefore = 120, kTimelineAfter = 15;  ///< lines around the first violation

/// How often each fault was injected; a zero in a large run fails it.
struct FaultCounters {
  std::uint64_t kills = 0, stops = 0, hangs = 0, suspends = 0, cuts = 0, one_way_cuts = 0, partial_cuts = 0, stalls = 0,
                stalls_of_all = 0, fail_overs = 0, full_disks = 0, io_errors = 0, lost_replies = 0, stale_look_ups = 0,
                stale_pages = 0, handovers = 0, second_worlds = 0, stopped_before_slot = 0, stopped_after_slot = 0,
                killed_before_slot = 0, killed_after_slot = 0, stalled_after_slot = 0, struck_at_claim = 0, evictions = 0;
};

/// All that was injected; evictions follow from it.
std::uint64_t injected(const FaultCounters& c);

/// How often the rules above the log were taken (docs/recovery.md §6); a zero in a large run of SQL fails it.
struct WorkCounters {
  std::uint64_t queries_taken_over = 0, query_masters_restarted = 0, tasks_run_again = 0, outputs_lost = 0, consumers_restarted = 0,
                requests_repeated = 0, recorded_answers = 0, sessions_resumed = 0, planning_refused = 0, ends_kept = 0, ends_told_again = 0;
};

/// §6: after one kill of the active, with nothing else wrong, another serves within so long of its default intervals.
inline constexpr Micros kTakeover = 700 * kMs, kTakeoverAlone = 2700 * kMs;

/// Takeovers that were held against these bounds.
struct TakeoverCounters {
  std::uint64_t majority = 0, alone = 0;  ///< a majority was left; one of two was
  Micros slowest_majority = 0;
};

/// Load of the active master in a large world.
struct LoadMeter {
  struct Kind {
    std::uint64_t messages = 0, bytes = 0;
    double cpu_us = 0;
  };
  std::map<std::string, Kind> to_active, from_active, to_others;
};

/// One cluster, one seed, one run.
class Sim {
 public:
  explicit Sim(Options options);
  ~Sim();
  const std::vector<std::string>& errors() const { return errors_; }
  /// Runs to the end and checks; what was violated.
  const std::vector<std::string>& run();

  Micros now() const { return events.now(); }
  bool verbose() const { return options.verbosity > 0 || options.record; }
  void log(const std::string& text);
  void bad(const std::string& text);
  /// The last lines before the first violation, and some after it.
  Micros last_claim() const { return claims_.empty() ? 0 : claims_.back(); }
  const std::deque<std::string>& timeline() const { return timeline_; }
  void trace(const SimRank& from, const SimRank& to, const cluster::Stamp& stamp, const Bytes& payload);

  SimRank* find(int world, Rank rank);
  SimRank* find_host(int host) { return find(host / kHostsAWorld, host % kHostsAWorld); }
  SimRank* active();  ///< of the highest epoch, or the first rank
  std::vector<int> hosts() const;
  void at(double second, std::function<void()> fn);

  // faults
  void kill(int host);
  void may_kill(int host);  ///< unless it is the last of its kind
  void stop(int host, Micros duration);
  void hang(int host);
  void suspend_all(Micros duration);
  void stall(const std::vector<int>& hosts, Micros duration);
  void cut_both(const std::vector<int>& a, const std::vector<int>& b, Micros duration);
  void force_second_world();
  void handover();
  /// The next time an active (`claim: ` before the point: a claimant) is there: `what` is stop, kill or stall.
  void at_next(const std::string& point, const std::string& what, Micros duration);
  void at_step(SimRank& rank, const std::string& point);
  void random_faults();
  /// At that time: a fault of the random runs, counted as taken when it did something.
  void inject(double second, std::function<void()> fault);

  // what the parts report
  void on_slot(SimRank& rank, const std::string& row, std::int64_t index, const journal::Slot& slot);
  void on_slot_lost(const std::string& row, std::int64_t index) { winners_.erase({row, index}); }
  void on_death(SimRank& rank, const std::string& why);
  void on_active() { last_takeover_ = now(); }
  std::function<void(SimRank&, const cluster::RuleCounters&)> on_end;
  std::function<void(const std::string& cause)> on_claim;

  Options options;
  Random rng;
  Events events;
  FileServer files;
  Network network;
  FaultCounters count;
  WorkCounters work;
  TakeoverCounters takeovers;
  LoadMeter* meter = nullptr;
  std::vector<std::pair<int, std::string>> deaths;
  std::unique_ptr<Load> load;
  std::vector<std::unique_ptr<SimRank>> ranks;
  std::uint64_t statements = 0, writes_done = 0, reads_done = 0, faults_taken = 0;
  Micros last_answer = 0;
  std::vector<std::pair<std::string, int>> query_masters;  ///< of running queries, the newest last: query and host
  int last_query_master = -1;
  std::map<int, Micros> out_of_memory;                     ///< hosts whose tasks fail until then
  std::vector<Micros> answers;  ///< when statements were answered, for schedules that look at gaps
  int masters = 0, workers = 0;
  Rank first_master = 0;

 private:
  struct StepFault {
    std::string point, what;
    Micros duration;
  };
  void add_world(int world, bool force);
  void fill_up_faults();
  bool all_is_well(const SimRank& active) const;
  bool waits_for_silence() const;
  void watch_takeover(const SimRank& killed);
  void check_takeover(Micros killed, bool alone, std::uint64_t faults, const std::map<int, Micros>& slow_before);
  void log_slot(const SimRank& rank, const Bytes& segment, const std::string& row, std::int64_t index, const journal::Slot& slot);
  void check_claim(SimRank& claimant, const std::string& cause);
  void check();
  void check_chain();

  std::vector<std::string> errors_;
  std::map<std::pair<std::string, std::int64_t>, journal::Slot> winners_;
  std::vector<StepFault> step_faults_;
  std::deque<std::string> timeline_;
  std::size_t lines_after_ = 0;
  std::vector<Micros> claims_;
  int worlds_ = 0;
  Micros last_takeover_ = 0;
  Micros orphaned_ = -1;  ///< when the last master that could claim without a long silence died
};

cluster::RuleCounters& operator+=(cluster::RuleCounters& a, const cluster::RuleCounters& b);
FaultCounters& operator+=(FaultCounters& a, const FaultCounters& b);
WorkCounters& operator+=(WorkCounters& a, const WorkCounters& b);
/// `Heartbeat`, `RunTask`, … of a message of the master and worker; `cluster` of the node's own.
std::string message_name(const Bytes& payload);
/// Measures one world of that many ranks and prints a table; 0 when it did what it should.
int run_scale(int ranks);

}  // namespace tajo::sim
