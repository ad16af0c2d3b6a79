#include "sql_load.hpp"

#include <algorithm>

#include "sim.hpp"
#include "warehouse_service.hpp"

namespace tajo::sim {

namespace {

constexpr std::uint64_t kTables = 3;
constexpr std::int64_t kTokens = 1'000'000;  ///< numbers of one client's statements
constexpr Micros kLongestDelivery = 60 * kMs;  ///< Network::transmit, and the hop to the client
constexpr Micros kLogIsWritten = 10 * kSecond; ///< after which what was answered stands in a slot
constexpr std::int64_t kWide = 150'000;      ///< rows of an insert that workers run: more than the master takes itself

/// Ways for a statement to end that are the cluster's right under faults.
bool may_fail_with(const std::string& sqlstate) {
  return sqlstate == "53100" || sqlstate == "58000" || sqlstate == "53200" || sqlstate == "57P03" || sqlstate == "53000";
}

}  // namespace

class SqlLoad::Sink final : public master::ResultSink {
 public:
  explicit Sink(Answer& out) : out_(out) {}
  void columns(std::span<const data::Column>) override {}
  void rows(const data::Batch& batch) override {
    for (std::uint32_t r = 0; r < batch.rows; ++r) {
      std::vector<std::int64_t> row;
      for (const data::Vector& v : batch.columns) {
        if (v.type == data::Physical::kI64) row.push_back(static_cast<const std::int64_t*>(v.data)[r]);
        if (v.type == data::Physical::kI32) row.push_back(static_cast<const std::int32_t*>(v.data)[r]);
        if (v.type == data::Physical::kStr) out_.texts.emplace_back(static_cast<const data::Str*>(v.data)[r].view());
      }
      out_.rows.push_back(std::move(row));
    }
  }
  void complete(const std::string& tag) override { out_.tag = tag; }
  void notice(const std::string&, const Error&) override {}
  void parameter_status(const std::string&, const std::string&) override {}

 private:
  Answer& out_;
};

SqlLoad::SqlLoad(Sim& sim) : sim_(sim) {
  for (int i = 0; i < sim.options.clients; ++i) {
    clients_.emplace_back();
    clients_.back().number = i + 1;
  }
}

SqlLoad::~SqlLoad() = default;

std::unique_ptr<Service> SqlLoad::serve(SimRank& rank) { return std::make_unique<WarehouseService>(rank, files_, rank.is_master); }

void SqlLoad::start() {
  sim_.events.after(kSecond, [this] { next_statement(clients_[0]); });
}

void SqlLoad::prolong() {
  for (Client& c : clients_)
    if (!c.busy && set_up_ > kTables + 1) next_statement(c);
}

void SqlLoad::on_death(SimRank& rank) {
  // Nobody waits for the copy of an immediate statement's end: it may still be under way when the only holder dies.
  std::erase_if(held_, [&](const auto& e) { return e.second.host == rank.host && sim_.now() - e.second.when < kLongestDelivery; });
  // With all who hold it goes what no slot could carry yet.
  for (auto it = held_.begin(); it != held_.end();) {
    Told& told = it->second;
    const bool last = told.holders.erase(rank.host) > 0 && told.holders.empty();
    it = last && sim_.now() - told.when < kLogIsWritten ? held_.erase(it) : std::next(it);
  }
  for (Client& c : clients_) {
    c.under_way.erase(rank.host);
    if (c.host != rank.host) continue;
    c.host = -1;
    if (!c.busy) continue;
    sim_.events.after(5 * kMs, [this, &c, n = c.statement.number, a = c.statement.attempt] {
      if (c.statement.attempt == a) attempt(c, n);
    });
  }
}

// --- what is asked ----------------------------------------------------------------------------------------------------

SqlLoad::Kind SqlLoad::draw(Client& c) {
  Random& rng = sim_.rng;
  if (sim_.options.favoured >= 0 && rng.chance(0.5)) return static_cast<Kind>(sim_.options.favoured);
  const double x = rng.uniform();
  const double writes = sim_.options.writes;
  if (x < 0.55 * writes) return Kind::kInsert;
  if (x < 0.75 * writes) return Kind::kWideInsert;
  if (x < 0.85 * writes) return Kind::kCreate;
  if (x < 0.9 * writes) return Kind::kCreateAs;
  if (x < 0.95 * writes && !c.own.empty()) return Kind::kDrop;
  if (x < writes) return Kind::kSet;
  const double y = rng.uniform();
  if (y < 0.45) return Kind::kRead;
  if (y < 0.65) return Kind::kJoin;
  if (y < 0.78) return Kind::kImmediate;
  if (y < 0.88) return Kind::kShow;
  return y < 0.95 ? Kind::kTables : Kind::kExternal;
}

SqlLoad::Statement SqlLoad::choose(Client& c) {
  Random& rng = sim_.rng;
  Statement s;
  s.number = c.statement.number + 1;
  s.token = c.number * kTokens + s.number;
  s.table = table_of(rng.below(kTables));
  const std::string id = std::to_string(s.token);
  auto named = [&] { s.request_id = "r" + id; };
  if (set_up_ <= kTables + 1) {  // the first client makes the tables
    s.kind = Kind::kSetUp;
    s.table = table_of(set_up_);
    s.sql = "CREATE TABLE " + s.table + " (id bigint)";
    if (set_up_ >= kTables) {
      s.table = set_up_ == kTables ? "outside" : "poison";
      s.sql = "CREATE EXTERNAL TABLE " + s.table + " (id bigint) USING TEXT LOCATION '/nowhere/" + s.table + "'";
    }
    named();
    return s;
  }
  if (!poisoned_ && sim_.masters > 3 && s.number > 12 && sim_.now() > 6 * kSecond) {  // once, where enough masters can be spared
    poisoned_ = true;
    s.kind = Kind::kPoison;
    s.sql = "SELECT id FROM poison";
    named();
    return s;
  }
  s.kind = draw(c);
  switch (s.kind) {
    case Kind::kInsert: s.sql = "INSERT INTO " + s.table + " VALUES (" + id + ")"; break;
    case Kind::kWideInsert:
      s.sql = "INSERT INTO " + s.table + " SELECT g FROM generate_series(" + id + ", " + std::to_string(s.token + kWide) + ") AS s(g)";
      break;
    case Kind::kCreate:
      s.table = "d" + id;
      s.sql = "CREATE TABLE " + s.table + " (id bigint)";
      break;
    case Kind::kCreateAs: s.sql = "CREATE TABLE c" + id + " AS SELECT id FROM " + s.table; break;
    case Kind::kDrop:
      s.table = c.own.back();
      s.sql = "DROP TABLE " + s.table;
      break;
    case Kind::kSet: s.sql = "SET sim.number = '" + id + "'"; break;
    case Kind::kScan: s.sql = "SELECT id FROM " + s.table; break;
    case Kind::kRead: s.sql = "SELECT id, count(*) FROM " + s.table + " GROUP BY id"; break;
    case Kind::kJoin:
      s.sql = "SELECT a.id, b.id FROM (SELECT id FROM " + s.table + " LIMIT 3) a JOIN " + table_of(rng.below(kTables)) + " b ON a.id = b.id";
      break;
    case Kind::kImmediate: s.sql = "SELECT " + id + "::bigint"; break;
    case Kind::kShow: s.sql = "SHOW sim.number"; break;
    case Kind::kTables: s.sql = "SELECT table_name FROM information_schema.tables"; break;
    case Kind::kExternal: s.sql = "SELECT id FROM outside"; break;
    case Kind::kSetUp:
    case Kind::kPoison: break;
  }
  const bool changes = s.kind == Kind::kInsert || s.kind == Kind::kWideInsert || s.kind == Kind::kCreate || s.kind == Kind::kCreateAs || s.kind == Kind::kDrop;
  if (changes || s.kind == Kind::kImmediate) named();
  return s;
}

void SqlLoad::next_statement(Client& c) {
  if (sim_.now() > seconds(sim_.options.end_s) - kSecond) return;
  if (sim_.now() < quiet_until_) {
    sim_.events.after(quiet_until_ - sim_.now(), [this, &c] { next_statement(c); });
    return;
  }
  c.statement = choose(c);
  if (c.statement.kind == Kind::kShow && (c.setting < 0 || c.settings_unknown)) return next_statement(c);
  c.busy = true;
  c.asked = sim_.now();
  if (c.statement.kind == Kind::kDrop) tables_.erase(c.statement.table);
  attempt(c, c.statement.number);
}

void SqlLoad::attempt(Client& c, std::uint32_t number) {
  if (!c.busy || c.statement.number != number) return;
  Statement& s = c.statement;
  ++s.attempt;
  if (s.kind == Kind::kSet && s.attempt > 1) c.settings_unknown = true;
  c.acknowledged_before = acknowledged_[s.table];
  c.tables_before = tables_;
  c.tables_gone = dropped_;
  SimRank* to = c.host < 0 || sim_.rng.chance(s.attempt > 1 ? 1.0 : 0.1) ? nullptr : sim_.find_host(c.host);
  const bool stays = to != nullptr;
  if (!stays) {
    std::vector<SimRank*> candidates;
    for (auto& r : sim_.ranks)
      if (r->takes_clients() && !c.under_way.contains(r->host) && (r->alive || sim_.rng.chance(0.1))) candidates.push_back(r.get());
    if (!candidates.empty()) to = candidates[sim_.rng.below(candidates.size())];
  }
  const std::uint32_t attempt_number = s.attempt;
  if (to != nullptr) {
    c.host = to->host;
    auto ask = [this, n = c.number, host = to->host, number, attempt_number, session = c.session, stays, sql = s.sql, id = s.request_id](master::ClientService& front) {
      Answer answer;
      try {
        answer.session = session;
        if (!stays || session.empty()) {
          master::SessionOptions options;
          options.user = "sim";
          options.settings.emplace_back("tajo.optimizer.force_distributed", "on");  // exchanges also for small tables
          if (!session.empty()) options.resume = session;
          answer.session = front.open_session(options).token;
        }
        Sink sink(answer);
        if (!id.empty()) front.execute(answer.session, "SET tajo.request_id = '" + id + "'", sink, nullptr);
        front.execute(answer.session, sql, sink, nullptr);
      } catch (const Error& e) {
        answer.error = e;
      }
      sim_.events.after(300, [this, n, number, attempt_number, host, answer = std::move(answer)]() mutable {
        auto& under_way = clients_[static_cast<std::size_t>(n - 1)].under_way;
        if (auto it = under_way.find(host); it != under_way.end()) under_way.erase(it);
        answered(n, number, attempt_number, std::move(answer));
      });
    };
    if (to->alive) c.under_way.insert(to->host);
    sim_.log("client " + std::to_string(c.number) + " asks " + std::to_string(to->host) + ": " + s.sql +
             (s.request_id.empty() ? "" : " [" + s.request_id + "]") + (s.attempt > 1 ? ", attempt " + std::to_string(s.attempt) : ""));
    sim_.events.after(300, [to, ask] {
      if (to->alive) static_cast<WarehouseService&>(*to->service).connect(ask);
    });
  }
  sim_.events.after(seconds(2.0 + 3 * sim_.rng.uniform()), [this, &c, number, attempt_number] {
    if (c.statement.attempt == attempt_number) attempt(c, number);
  });
}

std::optional<SqlLoad::UnderWay> SqlLoad::under_way(Kind kind) {
  constexpr Micros kArrives = 400;  // at its master
  for (const Client& c : clients_)
    if (c.busy && c.statement.kind == kind && c.statement.attempt == 1 && c.host >= 0 && sim_.now() - c.asked > kArrives &&
        sim_.find_host(c.host)->alive)
      return UnderWay{c.number, c.host, c.statement.number};
  return std::nullopt;
}

bool SqlLoad::ended(const UnderWay& statement) const {
  const Client& c = clients_[static_cast<std::size_t>(statement.client - 1)];
  return !c.busy || c.statement.number > statement.number;
}

bool SqlLoad::idle() const {
  return std::none_of(clients_.begin(), clients_.end(), [](const Client& c) { return c.busy; });
}

bool SqlLoad::ready() const {
  return std::all_of(clients_.begin(), clients_.end(), [](const Client& c) { return c.statement.number > 0; });
}

// --- what is answered -------------------------------------------------------------------------------------------------

void SqlLoad::answered(int client, std::uint32_t number, std::uint32_t attempt_number, Answer answer) {
  Client& c = clients_[static_cast<std::size_t>(client - 1)];
  if (!c.busy || c.statement.number != number || c.statement.attempt != attempt_number) return;
  if (!answer.session.empty()) {
    if (!c.session.empty() && answer.session != c.session) {
      sim_.bad("client " + std::to_string(client) + ": its session is lost, it was given another");
    }
    if (!c.session.empty() && c.statement.attempt > 1) ++sim_.work.sessions_resumed;
    c.session = answer.session;
  }
  ++sim_.statements;
  sim_.last_answer = sim_.now();
  sim_.answers.push_back(sim_.now());
  if (!answer.error) sim_.log("client " + std::to_string(client) + " has " + answer.tag + " of " + c.statement.sql);
  if (answer.error) failed(c, *answer.error);
  else succeeded(c, answer);
  Statement& s = c.statement;
  if (!answer.error && !s.request_id.empty() && !s.again && sim_.rng.chance(0.15)) {
    s.again = true;  // the same request once more, elsewhere: it counts once and says the same
    c.host = -1;
    return attempt(c, number);
  }
  c.busy = false;
  if (s.kind == Kind::kSetUp && !answer.error && ++set_up_ == kTables + 2)
    for (Client& other : clients_)
      if (&other != &c) sim_.events.after(static_cast<Micros>(sim_.rng.below(kSecond)), [this, &other] { next_statement(other); });
  sim_.events.after(static_cast<Micros>(sim_.rng.uniform() * sim_.options.think_s * 1e6), [this, &c] { next_statement(c); });
}

void SqlLoad::failed(Client& c, const Error& error) {
  Statement& s = c.statement;
  sim_.log("client " + std::to_string(c.number) + ": " + s.sql + ": " + std::string(error.sqlstate()) + " " + error.message());
  if (s.kind == Kind::kPoison && error.sqlstate() == std::string(sqlstate::kInternalError)) {
    ++sim_.work.planning_refused;
    return;
  }
  if (!may_fail_with(std::string(error.sqlstate()))) {
    sim_.bad("client " + std::to_string(c.number) + ": " + s.sql + " (attempt " + std::to_string(s.attempt) + ") fails with " +
             std::string(error.sqlstate()) + " " + error.message());
    return;
  }
  if (s.again && outcomes_.contains(s.request_id)) {
    if (error.sqlstate() != std::string("57P03")) sim_.bad("statement " + s.request_id + " was done and is now said to have failed: " + error.message());
    return;
  }
  const bool insert = s.kind == Kind::kInsert || s.kind == Kind::kWideInsert;
  // On a full disk the end of the query cannot be recorded at once: should every master that knows it die, it is run again.
  if (insert && s.attempt == 1 && !std::string(error.sqlstate()).starts_with("53100") && error.sqlstate() != std::string("57P03")) refused_.insert(s.token);
}

void SqlLoad::succeeded(Client& c, const Answer& answer) {
  Statement& s = c.statement;
  if (!s.request_id.empty()) {
    auto [it, fresh] = outcomes_.try_emplace(s.request_id, answer.tag);
    if (!fresh && it->second != answer.tag)
      sim_.bad("statement " + s.request_id + " said " + it->second + " and now " + answer.tag);
    if (s.attempt > 1 && !s.again) ++sim_.work.requests_repeated;
    if (!fresh) ++sim_.work.recorded_answers;
    if (!fresh) return;
    if (s.kind != Kind::kImmediate) history_.insert(s.request_id);
    else if (masters_are_well()) held_.insert({s.request_id, {c.host, sim_.now(), holders(c.host)}});
  }
  switch (s.kind) {
    case Kind::kInsert:
    case Kind::kWideInsert:
      acknowledged_[s.table].insert(s.token);
      ++sim_.writes_done;
      return;
    case Kind::kCreate:
      tables_.insert(s.table);
      c.own.push_back(s.table);
      ++sim_.writes_done;
      return;
    case Kind::kCreateAs: tables_.insert("c" + std::to_string(s.token)); return;
    case Kind::kDrop:
      dropped_.insert(s.table);
      std::erase(c.own, s.table);
      return;
    case Kind::kSet:
      c.setting = s.token;
      return;
    case Kind::kShow:
      if (answer.texts.empty() || answer.texts[0] != std::to_string(c.setting))
        sim_.bad("client " + std::to_string(c.number) + ": its setting is " + (answer.texts.empty() ? "lost" : answer.texts[0]) + ", not " +
                 std::to_string(c.setting));
      return;
    case Kind::kImmediate:
      if (answer.rows.size() != 1 || answer.rows[0].empty() || answer.rows[0][0] != s.token) sim_.bad(s.sql + " gives another number");
      return;
    case Kind::kTables:
      for (const std::string& table : c.tables_before)
        if (tables_.contains(table) && std::find(answer.texts.begin(), answer.texts.end(), table) == answer.texts.end()) {
          sim_.bad("stale catalog: table " + table + " is missing");
          break;
        }
      for (const std::string& table : c.tables_gone)
        if (std::find(answer.texts.begin(), answer.texts.end(), table) != answer.texts.end()) {
          sim_.bad("stale catalog: table " + table + " is there again");
          break;
        }
      return;
    case Kind::kScan:
    case Kind::kRead:
    case Kind::kJoin: check_read(c, answer); return;
    case Kind::kSetUp:
    case Kind::kExternal:
    case Kind::kPoison: return;
  }
}

/// What is told before it is in the log is held by the first backup of the active's view, if it can be reached. A master
/// outside the view is told nothing.
bool SqlLoad::masters_are_well() const {
  const SimRank* active = sim_.active();
  if (!active->alive || active->node->role() != cluster::Role::kActive) return false;
  const std::vector<Rank> backups = active->node->view().with_role(cluster::Role::kBackup);
  if (backups.empty() || !sim_.find(active->world, backups.front())->alive) return false;
  std::vector<const SimRank*> masters;
  for (const auto& r : sim_.ranks)
    if (r->alive && r->world == 0 && r->takes_clients()) masters.push_back(r.get());
  for (const SimRank* a : masters)
    for (const SimRank* b : masters)
      if (a->paused || (a != b && sim_.network.cut_between(a->host, b->host))) return false;
  return true;
}

std::set<int> SqlLoad::holders(int host) const {
  const SimRank* active = sim_.active();
  return {host, active->host, sim_.find(active->world, active->node->view().with_role(cluster::Role::kBackup).front())->host};
}

void SqlLoad::check_read(Client& c, const Answer& answer) {
  ++sim_.reads_done;
  Read read{c.statement.table, {}, sim_.now()};
  for (const auto& row : answer.rows)
    if (row.empty() || !read.tokens.insert(row[0]).second) {
      sim_.bad(c.statement.sql + ": row " + (row.empty() ? "" : std::to_string(row[0])) + " is there twice");
      return;
    }
  if (c.statement.kind == Kind::kJoin) return;
  for (std::int64_t token : c.acknowledged_before)
    if (!read.tokens.contains(token)) {
      sim_.bad("stale read: " + c.statement.sql + " lacks " + std::to_string(token) + ", acknowledged before it began");
      return;
    }
  reads_.push_back(std::move(read));
}

// --- the log ----------------------------------------------------------------------------------------------------------

void SqlLoad::check(const journal::Record& record, const cluster::View&) {
  last_epoch_ = std::max(last_epoch_, record.epoch);
  if (record.kind == journal::RecordKind::kSession) return sessions_.apply(record);
  if (record.kind == journal::RecordKind::kQuery) {
    const master::QueryRecord query = master::QueryState::decode(record.payload);
    auto earlier = queries_.find(query.id);
    if (earlier && earlier->finished_ms == 0 && query.finished_ms != 0 && query.epoch < record.epoch) ++sim_.work.queries_taken_over;
    return queries_.apply(record);
  }
  if (record.kind != journal::RecordKind::kCatalog) return;
  auto before = catalog_.snapshot_now();
  catalog_.apply(record);
  auto after = catalog_.snapshot_now();
  for (const auto& [name, table] : after->databases.at("default")->tables) {
    auto old = before->find("default", name);
    if (old == table) continue;
    if (!old) {
      if (name.starts_with("d") && !ever_.insert(name).second) sim_.bad("table " + name + " is created twice");
      continue;
    }
    std::set<std::int64_t> rows;
    for (const data::FragmentInfo& f : table->fragments) {
      try {
        for (std::int64_t token : tokens_of_fragment(f, files_))
          if (!rows.insert(token).second) sim_.bad("statement " + std::to_string(token) + " is applied twice, in " + name);
      } catch (const std::exception& e) {
        sim_.bad(e.what());
      }
    }
    auto& order = order_[name];
    for (std::int64_t token : order)
      if (!rows.contains(token)) sim_.bad("row " + std::to_string(token) + " leaves table " + name);
    for (std::int64_t token : order) rows.erase(token);
    for (std::int64_t token : rows) order.push_back(token);
  }
}

void SqlLoad::finish() {
  for (const auto& [table, tokens] : acknowledged_) {
    std::set<std::int64_t> there(order_[table].begin(), order_[table].end());
    for (std::int64_t token : tokens)
      if (!there.contains(token)) {
        sim_.bad("acknowledged insert " + std::to_string(token) + " into " + table + " is lost");
        break;
      }
    for (std::int64_t token : refused_)
      if (there.contains(token)) {
        sim_.bad("insert " + std::to_string(token) + " into " + table + " was told as failed and is there");
        break;
      }
  }
  for (const Read& r : reads_) {
    const auto& order = order_[r.table];
    bool wrong = r.tokens.size() > order.size();
    for (std::size_t i = 0; !wrong && i < r.tokens.size(); ++i) wrong = !r.tokens.contains(order[i]);
    if (wrong) {
      sim_.bad("the read of " + r.table + " at " + std::to_string(r.when / kMs) + " ms is no state the log was in");
      break;
    }
  }
  auto tables = catalog_.snapshot_now();
  for (const std::string& table : tables_)
    if (!tables->find("default", table)) sim_.bad("acknowledged table " + table + " is lost");
  for (const std::string& table : dropped_)
    if (tables->find("default", table)) sim_.bad("dropped table " + table + " is back");
  for (const Client& c : clients_)
    if (!c.session.empty() && !sessions_.find(c.session)) sim_.bad("session of client " + std::to_string(c.number) + " is lost");
  // A query of the log is ended by the active of its epoch or by a later one; nobody forgets it.
  for (const auto& query : queries_.running())
    if (query.epoch < last_epoch_ && sim_.now() - sim_.last_claim() > 25 * kSecond && sim_.errors().empty()) {
      sim_.bad("query " + query.id.str() + " of epoch " + std::to_string(query.epoch) + " is still running in the log: " + query.sql);
      break;
    }
  std::size_t lost = 0;
  std::string first;
  // What masters only hold ends with their world when another takes the log over, and, on a full disk, with the holder.
  if (sim_.count.second_worlds == 0 && sim_.count.full_disks == 0)
    for (const auto& [id, told] : held_) history_.insert(id);
  for (const std::string& id : history_)
    if (!queries_.find_request("c:sim:" + id) && lost++ == 0) first = id;
  if (lost > 0) sim_.bad(std::to_string(lost) + " acknowledged statements are not in the history, first " + first);
}

}  // namespace tajo::sim
