#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "executor.hpp"
#include "service.hpp"
#include "tajo/catalog/catalog.hpp"
#include "tajo/master/client_service.hpp"
#include "tajo/master/query_state.hpp"
#include "tajo/master/session_state.hpp"

namespace tajo::sim {

/// SQL through ClientService of every master: DDL, small and large inserts under request ids, distributed and immediate
/// queries, sessions. Clients reconnect elsewhere when a connection breaks or takes too long, and ask again.
class SqlLoad final : public Load {
 public:
  enum class Kind : std::uint8_t {
    kSetUp, kInsert, kWideInsert, kRead, kJoin, kImmediate, kCreate, kCreateAs, kDrop, kSet, kShow, kTables, kExternal, kPoison, kScan
  };
  explicit SqlLoad(Sim& sim);
  ~SqlLoad() override;
  std::unique_ptr<Service> serve(SimRank& rank) override;
  void start() override;
  void prolong() override;
  void on_death(SimRank& rank) override;
  void check(const journal::Record& record, const cluster::View& view) override;
  void finish() override;

  struct UnderWay {
    int client, host;
    std::uint32_t number;
  };
  /// A statement of that kind that some master works at.
  std::optional<UnderWay> under_way(Kind kind);
  bool ended(const UnderWay& statement) const;
  /// Nobody asks anything until then.
  void quiet(Micros until) { quiet_until_ = until; }
  bool idle() const;
  bool ready() const;  ///< the tables are there, and everybody has begun

 private:
  struct Statement {
    Kind kind = Kind::kRead;
    std::uint32_t number = 0;
    std::uint32_t attempt = 0;
    std::int64_t token = 0;        ///< of an insert: the number its rows carry
    std::string table;
    std::string sql;
    std::string request_id;        ///< of what changes something
    bool again = false;            ///< asked once more after its answer: must give the same
  };
  struct Answer {
    std::optional<Error> error;
    std::string tag;
    std::vector<std::vector<std::int64_t>> rows;
    std::vector<std::string> texts;
    std::string session;
  };
  struct Client {
    int number = 0;
    bool busy = false;
    int host = -1;
    Micros asked = 0;
    std::multiset<int> under_way;  ///< hosts where a connection it gave up still runs
    Statement statement;
    std::string session;           ///< known to exist
    std::int64_t setting = -1;     ///< last SET acknowledged
    bool settings_unknown = false; ///< a SET was given up once: the master it went to may still send it
    std::vector<std::string> own;  ///< tables it made
    std::set<std::int64_t> acknowledged_before;  ///< what a read must see
    std::set<std::string> tables_before, tables_gone;
  };
  struct Read {
    std::string table;
    std::set<std::int64_t> tokens;
    Micros when;
  };
  class Sink;

  void next_statement(Client& c);
  Kind draw(Client& c);
  Statement choose(Client& c);
  void attempt(Client& c, std::uint32_t number);
  void answered(int client, std::uint32_t number, std::uint32_t attempt, Answer answer);
  void succeeded(Client& c, const Answer& answer);
  void failed(Client& c, const Error& error);
  void check_read(Client& c, const Answer& answer);
  bool masters_are_well() const;
  std::set<int> holders(int host) const;
  std::string table_of(std::uint64_t n) const { return "t" + std::to_string(n); }

  Sim& sim_;
  WarehouseFiles files_;
  std::vector<Client> clients_;
  std::size_t set_up_ = 0;
  bool poisoned_ = false;
  Micros quiet_until_ = 0;
  std::map<std::string, std::set<std::int64_t>> acknowledged_;  ///< rows by table
  std::set<std::int64_t> refused_;                              ///< told as failed, asked once only
  std::set<std::string> tables_, dropped_;                      ///< acknowledged, and not in doubt
  std::map<std::string, std::string> outcomes_;                 ///< request id → tag acknowledged
  std::set<std::string> history_;                               ///< request ids that history must show
  struct Told {
    int host;
    Micros when;
    std::set<int> holders;  ///< that live: who answered, the active and its first backup
  };
  std::map<std::string, Told> held_;                            ///< those answered before the log had them, by whom and when
  std::vector<Read> reads_;
  // the log's end
  catalog::Catalog catalog_;
  master::SessionState sessions_;
  master::QueryState queries_;
  Epoch last_epoch_ = 0;
  std::map<std::string, std::vector<std::int64_t>> order_;      ///< rows of a table in the order of the log
  std::set<std::string> ever_;                                  ///< tables that were there at some time
};

}  // namespace tajo::sim
