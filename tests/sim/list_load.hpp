#pragma once
#include <map>
#include <set>
#include <vector>

#include "service.hpp"
#include "sim_rank.hpp"

namespace tajo::sim {

class ListLoad;

/// A statement as the simulated coordinator sees it.
struct Statement {
  std::uint64_t id = 0;       ///< request id of a write; unique per attempt for a read
  bool write = false;
  bool task = false;          ///< its result comes from a worker
  std::uint8_t key = 0;
  int client = 0;
  std::uint32_t number = 0;
  std::uint32_t attempt = 0;
};

enum class Answer : std::uint8_t { kOk, kUnknown, kDiskFull, kRetry };

/// What the log's records do here: lists of request ids under a few keys.
struct Lists final : journal::StateMachine {
  struct Write {
    std::uint64_t id;
    std::uint8_t key;
    Rank by;
    Incarnation incarnation;
  };
  static Bytes encode(const Write& w);
  static Write decode(ByteView bytes);
  void apply(const journal::Record& record) override;
  Bytes snapshot() const override;
  void restore(ByteView snapshot) override;
  std::map<std::uint8_t, std::vector<std::uint64_t>> lists;
  std::set<std::uint64_t> known;
};

/// A small coordinator over the node: serves statements on every master and forwards them to the active.
class ListService final : public Service {
 public:
  ListService(SimRank& process, ListLoad& load);
  void start() override;
  void on_view(const cluster::View& view, cluster::Role self) override;
  void on_active(Epoch epoch) override;
  void on_passive() override;
  void on_evicted() override;
  void on_frame(Rank source, Bytes payload) override;
  void request(Statement s, Rank origin);

 private:
  struct Forwarded {
    Statement statement;
    Micros since;
    Micros sent;
  };
  void route(Forwarded& f);
  void forward_loop();
  void answer(const Statement& s, Rank origin, Answer result, const std::vector<std::uint64_t>* values);
  void write(Statement s, Rank origin, Rank by, Incarnation incarnation);
  void read(Statement s, Rank origin);

  SimRank& process_;
  ListLoad& load_;
  Sim& sim_;
  Lists lists_;
  Rank last_active_ = kNoRank;
  std::map<std::uint64_t, Forwarded> forwarded_;
  struct Running {
    std::vector<std::pair<Statement, Rank>> waiting;
    bool proposed = false;
  };
  std::map<std::uint64_t, Running> running_;
};

/// Many small writes and reads of the log itself: dense in slots, cheap to run, so that thousands of seeds look at
/// every rule of docs/recovery.md §1 to §5.
class ListLoad final : public Load {
 public:
  explicit ListLoad(Sim& sim);
  std::unique_ptr<Service> serve(SimRank& rank) override;
  void start() override;
  void prolong() override;
  void on_death(SimRank& rank) override;
  void check(const journal::Record& record, const cluster::View& view) override;
  void finish() override;
  void to_client(const Statement& s, Answer result, const std::vector<std::uint64_t>& values);

 private:
  struct Client {
    int number = 0;
    bool busy = false;
    int host = -1;  ///< where it is connected
    Statement statement;
    std::size_t acknowledged_before = 0;  ///< writes of the key acknowledged when the attempt began
  };
  struct Read {
    std::uint8_t key;
    std::vector<std::uint64_t> values;
    Micros when;
  };
  void next_statement(Client& c);
  void attempt(Client& c, std::uint32_t number);

  Sim& sim_;
  std::vector<Client> clients_;
  std::map<std::uint8_t, std::vector<std::uint64_t>> acknowledged_;
  std::vector<Read> reads_;
  std::map<std::uint8_t, std::vector<std::uint64_t>> lists_;  // as the log has them, at the end
  std::set<std::uint64_t> seen_;
};

}  // namespace tajo::sim
