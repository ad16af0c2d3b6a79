#include <algorithm>
#include <set>

#include "cluster_records.hpp"
#include "journal_records.hpp"
#include "limits.hpp"
#include "sim.hpp"
#include "tajo/master/query_state.hpp"

namespace tajo::sim {

using journal::RecordKind;

namespace {
constexpr Micros kAnsweredWithin = 8 * kSecond;  ///< before the end of a run
}  // namespace

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

/// Nothing has gone wrong for some seconds, and everybody knows it.
bool Sim::all_is_well(const SimRank& active) const {
  constexpr Micros kWell = 5 * kSecond;
  if (now() < 2 * kWell || worlds_ > 1 || !step_faults_.empty() || active.node->role() != cluster::Role::kActive || !active.serving) return false;
  if (now() - last_takeover_ < kWell || active.node->status().find("stepdown") != std::string::npos) return false;
  const cluster::View& view = active.node->view();
  if (view.with_role(cluster::Role::kBackup).empty()) return false;
  for (const auto& a : ranks) {
    if (!view.contains(a->rank)) {
      if (a->alive) return false;  // somebody is on its way back
      continue;
    }
    if (a->paused || now() - a->stable_since < kWell || a->node->view() != view || (!a->alive && a.get() != &active)) return false;
    if (files.troubled_since(a->host, now() - kWell) || files.shows_old_things(a->host)) return false;
    for (const auto& b : ranks)
      if (network.changed_at(a->host, b->host) > now() - kWell && network.changed_at(a->host, b->host) > 0) return false;
  }
  return true;
}

/// §6: another serves soon after the active was killed.
void Sim::watch_takeover(const SimRank& killed) {
  if (!killed.alive || !all_is_well(killed)) return;
  const std::size_t members = killed.node->view().members.size();
  std::map<int, Micros> slow;
  for (const auto& r : ranks) slow[r->host] = files.slow(r->host);
  slow[-1] = network.slow_votes();
  // Of two, the one that is left is no half of the other: it waits for silence in the log.
  const bool alone = members < 3;
  const std::uint64_t faults = injected(count);  // this kill is among them
  const Micros at = now();
  events.after(alone ? kTakeoverAlone : kTakeover, [this, at, alone, faults, slow] { check_takeover(at, alone, faults, slow); });
}

void Sim::check_takeover(Micros killed, bool alone, std::uint64_t faults, const std::map<int, Micros>& slow_before) {
  if (injected(count) != faults) return;  // something else went wrong meanwhile
  // Now and then a request takes longer than usual: that is not the rules' doing.
  Micros slow = 0;
  for (const auto& r : ranks)
    if (r->alive && r->node->role() != cluster::Role::kWorker) slow = std::max(slow, files.slow(r->host) - slow_before.at(r->host));
  slow += network.slow_votes() - slow_before.at(-1);
  const Micros bound = (alone ? kTakeoverAlone : kTakeover) + slow;
  if (last_takeover_ > killed) {
    ++(alone ? takeovers.alone : takeovers.majority);
    if (!alone) takeovers.slowest_majority = std::max(takeovers.slowest_majority, last_takeover_ - killed);
    return;
  }
  if (now() - killed < bound) {
    events.after(bound - (now() - killed), [this, killed, alone, faults, slow_before] { check_takeover(killed, alone, faults, slow_before); });
    return;
  }
  bad("nobody serves " + std::to_string((now() - killed) / kMs) + " ms after a single kill of the active (" + (alone ? "one of two is left)" : "a majority is left)"));
}

/// No active and no backup was left, so a master that is spare or outside claims, after the silence of §4.5.
bool Sim::waits_for_silence() const {
  const Micros claims_by = orphaned_ + cluster::kOrphanSilence + masters * cluster::kOrphanPerPlace;
  return orphaned_ >= 0 && last_answer <= orphaned_ && seconds(options.end_s) < claims_by + kAnsweredWithin;
}

void Sim::check() {
  check_chain();
  bool masters_left = false;
  for (auto& r : ranks) masters_left = masters_left || (r->alive && r->is_master);
  if (errors_.empty() && masters_left && options.end_s - options.heal_s > 25 && last_answer < seconds(options.end_s) - kAnsweredWithin)
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
