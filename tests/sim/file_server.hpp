#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "events.hpp"
#include "tajo/common/random.hpp"
#include "tajo/journal/log_files.hpp"
#include "tajo/journal/slot.hpp"
#include "variants.hpp"

namespace tajo::sim {

class Sim;
class SimRank;

/// The shared filesystem: one server, a caching client system on each host. Each request is carried out at the server
/// at one moment and answered later. Client systems have stale negative look-ups and stale pages, repeat requests whose
/// answer was lost, and lose what was not synced when the server fails over without them.
class FileServer {
 public:
  using Result = journal::FileResult;
  using Done = journal::LogFiles::Done;
  struct SlotEntry {
    std::string text;
    journal::Slot slot;
    bool durable = false;
    int owner = 0;
  };
  struct Row {
    std::map<std::int64_t, SlotEntry> slots;
    bool removed = false;
  };
  struct File {
    Bytes data;
    std::size_t durable = 0;
    int owner = 0;
  };

  FileServer(Sim& sim, Random rng) : sim_(sim), rng_(rng) {}

  /// Sends a request of a rank: executed at the server, answered later, unless something is in the way.
  using Execute = std::function<Result()>;
  void submit(SimRank& rank, Execute execute, Done done);

  // what the server does
  Result list_rows(int host);
  Result make_row(const std::string& row);
  Result read_slots(int host, const std::string& row, std::int64_t first, std::int64_t limit);
  Result make_slot(SimRank& rank, const std::string& row, std::int64_t index, const std::string& text);
  Result overwrite_slot(SimRank& rank, const std::string& row, std::int64_t index, const std::string& text);
  Result sync_row(int host, const std::string& row);
  Result create_file(int host, const std::string& name);
  Result write_file(int host, const std::string& name, std::uint64_t offset, const Bytes& data, bool reserve);
  Result sync_file(int host, const std::string& name);
  Result read_file(int host, const std::string& name, std::uint64_t offset, std::uint64_t length, bool fresh);
  Result remove_row(const std::string& row, const std::vector<std::string>& files);
  bool row_has(const std::string& row, std::int64_t index) const;

  // faults
  void stall(int host, Micros until) { stalled_[host] = std::max(stalled_[host], until); }
  Micros blocked_until(int host) const;
  void fail_over(Micros down);
  void stale_look_ups(int host, Micros until) { negative_until_[host] = std::max(negative_until_[host], until); }
  void stale_pages(int host, Micros until) { pages_until_[host] = std::max(pages_until_[host], until); }
  enum class Trouble : std::uint8_t { kWriteErrors, kShortWrites, kSyncErrors, kFlippedBits };
  /// Requests of one host go wrong, every other time.
  void trouble(int host, Trouble kind, Micros until) { trouble_[{host, kind}] = until; }
  void full_until(Micros until) { full_until_ = std::max(full_until_, until); }
  void errors_until(Micros until) { errors_until_ = std::max(errors_until_, until); }
  void lose_replies_until(Micros until) { lost_until_ = std::max(lost_until_, until); }
  bool troubled_since(int host, Micros since) const;
  bool shows_old_things(int host) const;
  /// By how much requests of a host took longer than usual, in all.
  Micros slow(int host) const;

  const std::map<std::string, Row>& rows() const { return rows_; }
  /// The chain hash of the newest slot as a process sees it that has cached nothing; 0: there is none.
  std::uint64_t newest_hash() const;
  /// All slots of the log in order, from the oldest row that is left; says what is wrong with the chain.
  std::vector<std::pair<SlotEntry, Bytes>> chain(std::vector<std::string>& wrong) const;
  const Bytes* bytes_of(const std::string& segment) const;
  struct Counters {
    std::uint64_t stale_look_ups = 0, stale_pages = 0, lost_slots = 0, lost_bytes = 0, repeated = 0, late = 0,
                  full = 0, errors = 0, removed = 0, missing = 0;
  };
  Counters count;

 private:
  void execute(SimRank& rank, Execute request, Done done, bool first);
  void reply(SimRank& rank, Done done, Result result);
  Micros latency();
  bool in_trouble(int host, Trouble kind);

  Sim& sim_;
  Random rng_;
  std::map<std::string, Row> rows_;
  std::map<std::string, File> files_;
  std::set<std::string> gone_files_;
  std::map<int, Micros> stalled_, negative_until_, pages_until_, slow_;
  std::map<std::tuple<int, std::string, std::int64_t>, Micros> negative_;
  std::set<int> recovered_without_;  // clients whose unsynced state the server has dropped: their next fsync fails
  std::map<std::pair<int, Trouble>, Micros> trouble_;
  Micros down_until_ = 0, full_until_ = 0, errors_until_ = 0, lost_until_ = 0;
};

/// The file port of one simulated rank.
class SimLogFiles final : public journal::LogFiles {
 public:
  SimLogFiles(FileServer& server, SimRank& rank, Sim& sim) : server_(server), rank_(rank), sim_(sim) {}
  void list_rows(Done done) override;
  void make_row(std::string row, Done done) override;
  void read_slots(std::string row, std::int64_t first, std::int64_t limit, Done done) override;
  void make_slot(std::string row, std::int64_t index, std::string text, Done done) override;
  void sync_row(std::string row, Done done) override;
  void create_segment(std::string name, Done done) override;
  void append(std::string name, std::uint64_t offset, Bytes data, bool use_reserve, Done done) override;
  void read_segment(std::string name, std::uint64_t offset, std::uint64_t length, bool fresh, Done done) override;
  void write_snapshot(std::string name, Bytes data, Done done) override;
  void read_snapshot(std::string name, Done done) override;
  void remove_row(std::string row, std::vector<std::string> files, Done done) override;

 private:
  FileServer& server_;
  SimRank& rank_;
  Sim& sim_;
};

}  // namespace tajo::sim
