#include <algorithm>
#include <set>

#include "cluster_records.hpp"
#include "journal_records.hpp"
#include "sim.hpp"
#include "tajo/master/query_state.hpp"

namespace tajo::sim {

using journal::RecordKind;

std::string sim_closing_row(ByteView batch) {
  for (const journal::Record& r : journal::decode_batch(batch))
    if (r.kind == RecordKind::kClose) return journal::decode_close(r.payload).next_row;
  return {};
}

/// A slot appears at the server.
void Sim::on_slot(SimRank& rank, const std::string& row, std::int64_t index, const journal::Slot& slot) {
  auto [it, first] = winners_.try_emplace({row, index}, slot);
  if (!first && it->second.nonce != slot.nonce) bad("two winners of slot " + row + "/" + std::to_string(index));
  it->second = slot;
  if (index > 0 && !options.variant.reuse_names && !files.row_has(row, index - 1))
    bad("slot " + row + "/" + std::to_string(index) + " without its predecessor, by " + std::to_string(rank.host));
  const Bytes* data = files.bytes_of(journal::segment_name(slot.segment));
  if (data == nullptr || data->size() < slot.length) {
    bad("slot " + row + "/" + std::to_string(index) + " counts bytes that are not there");
    return;
  }
  if (verbose() && options.sql) log_slot(rank, *data, row, index, slot);
  // Was it a claim? An own new segment begins with it.
  auto previous = winners_.find({row, index - 1});
  if (index > 0 && previous != winners_.end() && previous->second.segment == slot.segment) return;
  std::vector<journal::Record> records;
  try {
    records = journal::decode_batch(ByteView(data->data(), slot.length));
  } catch (const Error&) {
    return;  // a later slot of a segment whose beginning this server has lost with an old slot (canaries only)
  }
  for (const journal::Record& r : records)
    if (r.kind == RecordKind::kClaim) {
      cluster::Claim claim = cluster::decode_claim(r.payload);
      log("rank " + std::to_string(rank.host) + " wins " + row + "/" + std::to_string(index) + ": epoch " +
          std::to_string(slot.epoch) + " by " + cause_name(claim.cause));
      check_claim(rank, cause_name(claim.cause));
      if (on_claim) on_claim(cause_name(claim.cause));
    }
}

/// What a slot commits, for the timeline.
void Sim::log_slot(const SimRank& rank, const Bytes& segment, const std::string& row, std::int64_t index, const journal::Slot& slot) {
  std::uint64_t from = 0;
  if (auto it = winners_.find({row, index - 1}); index > 0 && it != winners_.end() && it->second.segment == slot.segment) from = it->second.length;
  std::string text;
  try {
    for (const journal::Record& r : journal::decode_batch(ByteView(segment.data() + from, slot.length - from))) {
      if (r.kind == RecordKind::kQuery) {
        master::QueryRecord query = master::QueryState::decode(r.payload);
        text += " " + query.request_id + "/" + query.id.str() + (query.finished_ms != 0 ? " " + query.state.substr(6) : " submitted");
      } else if (r.kind == RecordKind::kCatalog) {
        text += " catalog";
      } else if (r.kind == RecordKind::kSession) {
        text += " session";
      }
    }
  } catch (const Error&) {
    text = " (not readable from here)";
  }
  if (!text.empty()) log("slot " + std::to_string(index) + " of " + std::to_string(rank.host) + ", epoch " + std::to_string(slot.epoch) + ":" + text);
}

/// A minority never fences a majority that can still commit: a claim against an active that has been well, and well
/// connected to a majority of its view, for some seconds.
void Sim::check_claim(SimRank& claimant, const std::string& cause) {
  Micros before = claims_.empty() ? 0 : claims_.back();
  claims_.push_back(now());
  if (cause != "minority" && cause != "orphan" && cause != "majority") return;
  constexpr Micros kWell = 4 * kSecond;
  if (now() < 5 * kSecond || now() - before < kWell) return;
  auto well = [&](SimRank& r) { return r.alive && !r.paused && now() - r.stable_since > kWell; };
  for (auto& o : ranks) {
    if (o.get() == &claimant || o->node->role() != cluster::Role::kActive || !well(*o)) continue;
    if (o->world != claimant.world || files.troubled_since(o->host, now() - kWell)) continue;
    if (o->node->status().find("stepdown") != std::string::npos) continue;
    std::size_t connected = 1;
    const cluster::View& view = o->node->view();
    for (const auto& [rank, member] : view.members) {
      SimRank* r = find(o->world, rank);
      if (rank == o->rank || !well(*r)) continue;
      Micros change = std::max(network.changed_at(r->host, o->host), network.changed_at(o->host, r->host));
      if (now() - change > kWell) ++connected;
    }
    if (connected * 2 > view.members.size())
      bad(cause + " claim by " + std::to_string(claimant.host) + " fences a majority of " + std::to_string(o->host) +
          " that can commit");
  }
}

void Sim::check() {
  check_chain();
  bool masters_left = false;
  for (auto& r : ranks) masters_left = masters_left || (r->alive && r->is_master);
  if (errors_.empty() && masters_left && options.end_s - options.heal_s > 25 && last_answer < seconds(options.end_s) - 8 * kSecond)
    bad("no statement is answered any more: the last one at " + std::to_string(last_answer / kMs) + " ms");
}

void Sim::check_chain() {
  std::vector<std::string> wrong;
  if (options.variant.reuse_names) return;  // rows have holes by construction; winners tell
  Epoch epoch = 0;
  ViewNumber number = 0;
  cluster::View view;
  for (const auto& [entry, batch] : files.chain(wrong)) {
    if (entry.slot.epoch < epoch) bad("an epoch goes back in the log");
    epoch = entry.slot.epoch;
    for (const journal::Record& r : journal::decode_batch(batch)) {
      if (r.epoch != epoch) bad("a record of another epoch than its slot");
      if (r.kind == RecordKind::kView) {
        cluster::View next = cluster::decode_view(r.payload);
        if (next.number <= number) bad("a view number goes back in the log");
        if (next.world == view.world)
          for (const auto& [rank, member] : next.members)
            if (view.incarnation(rank) > member.incarnation) bad("an incarnation goes back in the log");
        number = next.number;
        view = std::move(next);
      }
      load->check(r, view);
    }
  }
  for (const std::string& text : wrong) bad(text);
  load->finish();
}

}  // namespace tajo::sim
