#include "tajo/master/query_state.hpp"

#include <algorithm>

namespace tajo::master {
namespace {

enum class Change : std::uint8_t { kSubmitted = 1, kFinished = 2, kExpired = 3 };

constexpr std::string_view kSucceeded = "QUERY_SUCCEEDED";
constexpr std::size_t kFixedBytes = 256;  // an entry without its texts, roughly

std::size_t bytes_of(const QueryRecord& q) {
  return kFixedBytes + q.request_id.size() + q.session.size() + q.sql.size() + q.error.size() + q.result_path.size();
}

void put_query(ByteWriter& out, const QueryRecord& q) {
  out.put(q.id.start_ms);
  out.put(q.id.number);
  for (const std::string* s : {&q.request_id, &q.session, &q.user, &q.database, &q.sql, &q.state, &q.tag, &q.sqlstate,
                               &q.error, &q.result_path})
    out.text(*s);
  out.put(static_cast<std::uint32_t>(q.parameters.size()));
  for (const auto& p : q.parameters) {
    out.put(static_cast<std::uint8_t>(p.has_value()));
    if (p) out.text(*p);
  }
  out.put(q.epoch);
  out.put(q.started_ms);
  out.put(q.finished_ms);
  out.put(q.rows);
  out.put(q.rows_read);
  out.put(q.bytes_read);
  out.put(q.attempts);
  out.put(q.result_bytes);
  out.put(q.starts);
  out.put(q.digest);
  out.put(static_cast<std::uint8_t>(q.returns_rows));
}

QueryRecord get_query(ByteReader& in) {
  QueryRecord q;
  q.id.start_ms = in.get<std::uint64_t>();
  q.id.number = in.get<std::uint32_t>();
  for (std::string* s : {&q.request_id, &q.session, &q.user, &q.database, &q.sql, &q.state, &q.tag, &q.sqlstate,
                         &q.error, &q.result_path})
    *s = in.text();
  auto count = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (in.get<std::uint8_t>() != 0) q.parameters.emplace_back(in.text());
    else q.parameters.emplace_back();
  }
  q.epoch = in.get<Epoch>();
  q.started_ms = in.get<std::int64_t>();
  q.finished_ms = in.get<std::int64_t>();
  q.rows = in.get<std::uint64_t>();
  q.rows_read = in.get<std::uint64_t>();
  q.bytes_read = in.get<std::uint64_t>();
  q.attempts = in.get<std::uint32_t>();
  q.result_bytes = in.get<std::uint64_t>();
  q.starts = in.get<std::uint32_t>();
  q.digest = in.get<std::uint64_t>();
  q.returns_rows = in.get<std::uint8_t>() != 0;
  return q;
}

void put_losses(ByteWriter& out, const QueryLosses& losses) {
  out.put(losses.query_masters);
  out.put(static_cast<std::uint8_t>(losses.unheard));
  out.put(losses.cut_for);
  out.put(static_cast<std::uint32_t>(losses.under_tasks.size()));
  for (const auto& [task, workers] : losses.under_tasks) {
    out.put(task.first);
    out.put(task.second);
    out.put(workers);
  }
}

QueryLosses get_losses(ByteReader& in) {
  QueryLosses losses;
  losses.query_masters = in.get<std::uint16_t>();
  losses.unheard = in.get<std::uint8_t>() != 0;
  losses.cut_for = in.get<std::uint32_t>();
  for (auto tasks = in.get<std::uint32_t>(); tasks > 0; --tasks) {
    const auto stage = in.get<std::uint16_t>();
    const auto task = in.get<std::uint32_t>();
    losses.under_tasks[{stage, task}] = in.get<std::uint16_t>();
  }
  return losses;
}

Bytes change_record(Change change, const QueryRecord& query) {
  ByteWriter out;
  out.put(change);
  put_query(out, query);
  return out.take();
}

/// Whether a query is what its request id stands for: the newest of that id, but a success for good. The end of an earlier
/// try that failed may reach the log after the success of a later one (while the disk was full ends wait in memory).
bool speaks_for_request(const std::map<QueryId, QueryRecord>& queries, const std::map<std::string, QueryId>& requests,
                        const QueryRecord& query) {
  if (query.request_id.empty()) return false;
  const auto request = requests.find(query.request_id);
  if (request == requests.end() || request->second == query.id) return true;
  const auto other = queries.find(request->second);
  if (other == queries.end()) return true;
  const bool success = query.state == kSucceeded;
  if (success != (other->second.state == kSucceeded)) return success;
  return other->first.number < query.id.number;
}

}  // namespace

Bytes QueryState::submitted_record(const QueryRecord& query) {
  Bytes record = change_record(Change::kSubmitted, query);
  if (query.losses.query_masters == 0) return record;
  ByteWriter losses;
  put_losses(losses, query.losses);
  const Bytes behind = losses.take();
  record.insert(record.end(), behind.begin(), behind.end());
  return record;
}

Bytes QueryState::finished_record(const QueryRecord& query) {
  // What only serves to plan it again is not needed any more.
  QueryRecord end = query;
  end.parameters.clear();
  if (end.sql.size() > kMaxFinishedSqlBytes) {
    std::size_t cut = kMaxFinishedSqlBytes;
    while (cut > 0 && (static_cast<unsigned char>(end.sql[cut]) & 0xC0) == 0x80) --cut;  // not within a character
    end.sql.resize(cut);
  }
  return change_record(Change::kFinished, end);
}

Bytes QueryState::expired_record(std::int64_t before_ms) {
  ByteWriter out;
  out.put(Change::kExpired);
  out.put(before_ms);
  return out.take();
}

QueryRecord QueryState::decode(ByteView record) {
  ByteReader in(record);
  in.get<Change>();
  return get_query(in);
}

void QueryState::apply(const journal::Record& record) {
  if (record.kind != journal::RecordKind::kQuery) return;
  ByteReader in(record.payload);
  auto change = in.get<Change>();
  if (change == Change::kExpired) {
    const auto before_ms = in.get<std::int64_t>();
    std::lock_guard lock(mutex_);
    while (!finished_.empty() && queries_.at(finished_.front()).finished_ms < before_ms) drop_oldest();
    return;
  }
  QueryRecord query = get_query(in);
  std::lock_guard lock(mutex_);
  last_number_ = std::max(last_number_, query.id.number);
  if (change == Change::kFinished) return finish(std::move(query));
  auto it = queries_.find(query.id);
  if (it != queries_.end() && it->second.finished_ms != 0) return;
  if (!in.empty()) query.losses = get_losses(in);
  if (speaks_for_request(queries_, requests_, query)) requests_[query.request_id] = query.id;
  queries_[query.id] = std::move(query);
}

void QueryState::finish(QueryRecord query) {
  auto it = queries_.find(query.id);
  if (it != queries_.end() && it->second.finished_ms != 0) return;  // the first end counts
  if (speaks_for_request(queries_, requests_, query)) requests_[query.request_id] = query.id;
  finished_.push_back(query.id);
  finished_bytes_ += bytes_of(query);
  queries_[query.id] = std::move(query);
  while (finished_.size() > kMaxFinished || finished_bytes_ > kMaxFinishedBytes) drop_oldest();
}

void QueryState::drop_oldest() {
  auto old = queries_.find(finished_.front());
  auto request = requests_.find(old->second.request_id);
  if (request != requests_.end() && request->second == old->first) requests_.erase(request);
  finished_bytes_ -= bytes_of(old->second);
  queries_.erase(old);
  finished_.pop_front();
}

std::optional<std::int64_t> QueryState::oldest_finished_ms() const {
  std::lock_guard lock(mutex_);
  return finished_.empty() ? std::nullopt : std::optional(queries_.at(finished_.front()).finished_ms);
}

std::optional<std::int64_t> QueryState::newest_started_ms(Epoch before) const {
  std::lock_guard lock(mutex_);
  std::optional<std::int64_t> newest;
  for (const auto& [id, query] : queries_)
    if (query.epoch < before && query.epoch != 0) newest = std::max(newest.value_or(query.started_ms), query.started_ms);
  return newest;
}

Bytes QueryState::snapshot() const {
  std::lock_guard lock(mutex_);
  ByteWriter out;
  out.put(last_number_);
  out.put(static_cast<std::uint32_t>(queries_.size()));
  for (const QueryId& id : finished_) put_query(out, queries_.at(id));
  for (const auto& [id, query] : queries_)
    if (query.finished_ms == 0) put_query(out, query);
  for (const auto& [id, query] : queries_) {
    if (query.finished_ms != 0 || query.losses.query_masters == 0) continue;
    out.put(id.start_ms);
    out.put(id.number);
    put_losses(out, query.losses);
  }
  return out.take();
}

void QueryState::restore(ByteView snapshot) {
  std::lock_guard lock(mutex_);
  queries_.clear();
  finished_.clear();
  requests_.clear();
  finished_bytes_ = 0;
  last_number_ = 0;
  ++restored_;
  if (snapshot.empty()) return;
  ByteReader in(snapshot);
  last_number_ = in.get<std::uint32_t>();
  auto count = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) {
    QueryRecord query = get_query(in);
    if (speaks_for_request(queries_, requests_, query)) requests_[query.request_id] = query.id;
    if (query.finished_ms != 0) {
      finished_.push_back(query.id);
      finished_bytes_ += bytes_of(query);
    }
    queries_[query.id] = std::move(query);
  }
  while (!in.empty()) {
    QueryId id;
    id.start_ms = in.get<std::uint64_t>();
    id.number = in.get<std::uint32_t>();
    const QueryLosses losses = get_losses(in);
    if (auto query = queries_.find(id); query != queries_.end()) query->second.losses = losses;
  }
}

std::optional<QueryRecord> QueryState::find(const QueryId& id) const {
  std::lock_guard lock(mutex_);
  auto it = queries_.find(id);
  return it == queries_.end() ? std::nullopt : std::optional(it->second);
}

bool QueryState::ended(const QueryId& id) const {
  std::lock_guard lock(mutex_);
  auto it = queries_.find(id);
  return it != queries_.end() && it->second.finished_ms != 0;
}

std::uint64_t QueryState::restored() const {
  std::lock_guard lock(mutex_);
  return restored_;
}

std::optional<QueryRecord> QueryState::find_request(const std::string& request_id) const {
  std::lock_guard lock(mutex_);
  auto it = requests_.find(request_id);
  if (it == requests_.end()) return std::nullopt;
  auto query = queries_.find(it->second);
  return query == queries_.end() ? std::nullopt : std::optional(query->second);
}

std::vector<QueryRecord> QueryState::running() const {
  std::lock_guard lock(mutex_);
  std::vector<QueryRecord> out;
  for (const auto& [id, query] : queries_)
    if (query.finished_ms == 0) out.push_back(query);
  return out;
}

std::vector<QueryRecord> QueryState::all() const {
  std::lock_guard lock(mutex_);
  std::vector<QueryRecord> out;
  out.reserve(queries_.size());
  for (const QueryId& id : finished_) out.push_back(queries_.at(id));
  for (const auto& [id, query] : queries_)
    if (query.finished_ms == 0) out.push_back(query);
  return out;
}

std::uint32_t QueryState::last_number() const {
  std::lock_guard lock(mutex_);
  return last_number_;
}

}  // namespace tajo::master
