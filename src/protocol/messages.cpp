#include "tajo/protocol/messages.hpp"

#include "archive.hpp"

namespace tajo::protocol {

template <class A>
void serialize(A& a, ErrorText& m) { a(m.sqlstate, m.message, m.hint, m.detail, m.position); }
template <class A>
void save(A& a, const SourceRef& m) { a(m.rank, m.task); save_shared(a, m.inline_output); }
template <class A>
void load(A& a, SourceRef& m) { a(m.rank, m.task); m.inline_output = load_shared(a); }
template <class A>
void serialize(A& a, OperatorCounters& m) { a(m.node, m.rows, m.bytes, m.time_ns, m.memory_bytes, m.spilled_bytes, m.worker); }
template <class A>
void serialize(A& a, RunningQuery& m) { a(m.query, m.attempt, m.fraction, m.rows_read, m.bytes_read, m.own_tasks, m.asks, m.lost_under, m.cut_for); }
template <class A>
void serialize(A& a, Heartbeat& m) {
  a(m.host, m.pid, m.client_port, m.http_port, m.cores, m.running_tasks, m.memory_bytes, m.memory_used_bytes, m.disk_bytes,
    m.disk_used_bytes, m.queries, m.launcher_lost);
}
template <class A>
void serialize(A& a, PlanningMark& m) { a(m.request_id, m.count); }
template <class A>
void serialize(A& a, RunTask& m) { a(m.id, m.partition, m.splits, m.inputs); }
template <class A>
void serialize(A& a, ClientRequest& m) {
  a(m.number, m.kind, m.session, m.request_id, m.sql, m.offset, m.user, m.database, m.client, m.settings, m.prepared,
    m.parameter_types, m.parameters, m.feed, m.feed_rows, m.feed_table, m.in_block,
    m.resume, m.vanished, m.held, m.of_visitor, m.own_session, m.unrecorded);
}

template <class A>
void save_blocks(A& a, const std::vector<std::shared_ptr<const Bytes>>& blocks) {
  a(static_cast<std::uint32_t>(blocks.size()));
  for (const auto& block : blocks) save_shared(a, block);
}
template <class A>
void load_blocks(A& a, std::vector<std::shared_ptr<const Bytes>>& blocks) {
  std::uint32_t count = 0;
  a(count);
  for (std::uint32_t i = 0; i < count; ++i) blocks.push_back(load_shared(a));
}

template <class A>
void save(A& a, const StartQuery& m) {
  a(m.query, m.attempt, m.epoch, m.workers, m.feeds, m.max_task_attempts, m.query_masters_lost, m.lost_under, m.lost_unheard, m.cut_for, m.result_path,
    m.splits);
  save_bytes(a, m.plan);
}
template <class A>
void load(A& a, StartQuery& m) {
  a(m.query, m.attempt, m.epoch, m.workers, m.feeds, m.max_task_attempts, m.query_masters_lost, m.lost_under, m.lost_unheard, m.cut_for, m.result_path,
    m.splits);
  m.plan = load_bytes(a);
}
template <class A>
void save(A& a, const QueryDone& m) {
  a(m.query, m.attempt, m.error, m.not_started, m.result_path, m.fragments, m.rows, m.rows_read, m.bytes_read, m.result_bytes, m.tasks,
    m.task_retries, m.counters);
  save_blocks(a, m.blocks);
}
template <class A>
void load(A& a, QueryDone& m) {
  a(m.query, m.attempt, m.error, m.not_started, m.result_path, m.fragments, m.rows, m.rows_read, m.bytes_read, m.result_bytes, m.tasks,
    m.task_retries, m.counters);
  load_blocks(a, m.blocks);
}
template <class A>
void save(A& a, const TaskDone& m) {
  a(m.id, m.error, m.lost_output, m.canceled, m.fragments, m.rows, m.rows_read, m.bytes_read, m.counters);
  save_shared(a, m.inline_output);
}
template <class A>
void load(A& a, TaskDone& m) {
  a(m.id, m.error, m.lost_output, m.canceled, m.fragments, m.rows, m.rows_read, m.bytes_read, m.counters);
  m.inline_output = load_shared(a);
}
template <class A>
void save(A& a, const ClientReply& m) {
  a(m.number, m.not_active, m.error, m.returns_rows, m.columns, m.result_path, m.tag, m.notices, m.parameters,
    m.parameter_types, m.table, m.session, m.database, m.fraction, m.rows_read, m.bytes_read, m.elapsed_us, m.query, m.next_request_id,
    m.request_id, m.digest);
  save_bytes(a, m.record);
  save_blocks(a, m.blocks);
}
template <class A>
void load(A& a, ClientReply& m) {
  a(m.number, m.not_active, m.error, m.returns_rows, m.columns, m.result_path, m.tag, m.notices, m.parameters,
    m.parameter_types, m.table, m.session, m.database, m.fraction, m.rows_read, m.bytes_read, m.elapsed_us, m.query, m.next_request_id,
    m.request_id, m.digest);
  m.record = load_bytes(a);
  load_blocks(a, m.blocks);
}

template <class A>
void save(A& a, const HeldOutcomes& m) {
  a(m.epoch, static_cast<std::uint32_t>(m.records.size()));
  for (const Bytes& record : m.records) save_bytes(a, record);
}
template <class A>
void load(A& a, HeldOutcomes& m) {
  std::uint32_t count = 0;
  a(m.epoch, count);
  for (std::uint32_t i = 0; i < count; ++i) m.records.push_back(load_bytes(a));
}

namespace {

template <class M>
Bytes pack(Tag tag, const M& message) {
  return to_bytes([&](auto& a) { a(tag, message); });
}
template <class M>
M unpack(ByteView bytes) {
  M message;
  from_bytes(bytes, [&](auto& a) {
    Tag tag{};
    a(tag, message);
  });
  return message;
}

}  // namespace

ErrorText to_text(const Error& e) { return {e.sqlstate(), e.message(), e.hint(), e.detail(), e.position()}; }
Error to_error(const ErrorText& t) {
  Error error(t.sqlstate, t.message);
  error.at(t.position).hint(t.hint).detail(t.detail);
  return error;
}

Bytes encode(const StartQuery& m) { return pack(Tag::kStartQuery, m); }
bool worth_a_retry(const ErrorText& error) {
  const std::string& s = error.sqlstate;
  return s.starts_with("53") || s.starts_with("58030") || s.starts_with("08");
}

Bytes encode(const QueryDone& m) { return pack(Tag::kQueryDone, m); }
Bytes encode(const RunTask& m) { return pack(Tag::kRunTask, m); }
Bytes encode(const TaskDone& m) { return pack(Tag::kTaskDone, m); }
Bytes encode(const Heartbeat& m) { return pack(Tag::kHeartbeat, m); }
Bytes encode(const ClientRequest& m) { return pack(Tag::kClientRequest, m); }
Bytes encode(const ClientReply& m) { return pack(Tag::kClientReply, m); }
Bytes encode_as(Tag tag, const ClientReply& m) { return pack(tag, m); }
Bytes encode(const HeldOutcomes& m) { return pack(Tag::kHeldOutcomes, m); }
Bytes encode_query_tag(Tag tag, const QueryId& query, std::uint16_t number) {
  return to_bytes([&](auto& a) { a(tag, query, number); });
}
Bytes encode(const PlanningMark& m) { return pack(Tag::kPlanningMark, m); }
Bytes encode_task_tag(Tag tag, const TaskId& task) { return pack(tag, task); }
Bytes encode_plan_message(const QueryId& query, std::uint16_t attempt, ByteView plan) {
  return to_bytes([&](auto& a) {
    a(Tag::kPlan, query, attempt);
    save_bytes(a, plan);
  });
}

StartQuery decode_start_query(ByteView m) { return unpack<StartQuery>(m); }
QueryDone decode_query_done(ByteView m) { return unpack<QueryDone>(m); }
RunTask decode_run_task(ByteView m) { return unpack<RunTask>(m); }
TaskDone decode_task_done(ByteView m) { return unpack<TaskDone>(m); }
Heartbeat decode_heartbeat(ByteView m) { return unpack<Heartbeat>(m); }
ClientRequest decode_client_request(ByteView m) { return unpack<ClientRequest>(m); }
ClientReply decode_client_reply(ByteView m) { return unpack<ClientReply>(m); }
HeldOutcomes decode_held_outcomes(ByteView m) { return unpack<HeldOutcomes>(m); }
PlanningMark decode_planning_mark(ByteView m) { return unpack<PlanningMark>(m); }
TaskId decode_task_tag(ByteView m) { return unpack<TaskId>(m); }
QueryTag decode_query_tag(ByteView m) {
  QueryTag out;
  from_bytes(m, [&](auto& a) {
    Tag tag{};
    a(tag, out.query, out.number);
  });
  return out;
}
PlanMessage decode_plan_message(ByteView m) {
  PlanMessage out;
  from_bytes(m, [&](auto& a) {
    Tag tag{};
    a(tag, out.query, out.attempt);
    out.plan = load_bytes(a);
  });
  return out;
}

}  // namespace tajo::protocol
