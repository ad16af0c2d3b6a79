#include "tajo/master/shared_outcomes.hpp"

#include <algorithm>

namespace tajo::master {

using cluster::Role;
using protocol::ClientReply;
using protocol::Tag;

bool SharedOutcomes::on_message(Rank source, ByteView message) {
  switch (static_cast<Tag>(message[0])) {
    case Tag::kKeepOutcome: keep(source, std::make_shared<const ClientReply>(protocol::decode_client_reply(message))); return true;
    case Tag::kOutcomeKept: {
      auto tag = protocol::decode_query_tag(message);
      if (auto it = copies_.find(tag.query); it != copies_.end() && it->second.holder == source) copy_is_there(tag.query);
      return true;
    }
    case Tag::kHeldOutcomes: take_held(source, protocol::decode_held_outcomes(message)); return true;
    case Tag::kAskResult: {
      const QueryId query = protocol::decode_query_tag(message).query;
      ClientReply answer;
      if (auto kept = runner_.kept().by_query(query)) answer = *kept;
      else answer.not_active = true;
      answer.query = query;
      port_.send(source, protocol::encode_as(Tag::kResultFound, answer));
      return true;
    }
    case Tag::kResultFound: take_found(source, protocol::decode_client_reply(message)); return true;
    default: return false;
  }
}

void SharedOutcomes::keep(Rank active, KeptResults::Reply reply) {
  const QueryId query = reply->query;
  hold(query, reply->record);
  runner_.kept().keep(std::move(reply), parts_.runtime.boottime() / 1000);
  port_.send(active, protocol::encode_query_tag(Tag::kOutcomeKept, query, 0));
}

void SharedOutcomes::hold(const QueryId& query, Bytes record) {
  held_[query] = {std::move(record), epoch_ != 0 ? parts_.runtime.boottime() : 0, 0};
  not_shown_.insert(query);
  if (held_.size() <= kMaxHeldRecords) return;
  not_shown_.erase(held_.begin()->first);  // ids begin with their time: the oldest
  held_.erase(held_.begin());
}

void SharedOutcomes::copy(KeptResults::Reply reply, std::function<void()> done) {
  const QueryId query = reply->query;
  Copy copy{std::move(reply), kNoRank, std::move(done)};
  if (!copy.done) return send_copy(query, copy);
  if (epoch_ == 0) return copy.done();
  send_copy(query, copies_[query] = std::move(copy));
}

void SharedOutcomes::send_copy(const QueryId& query, Copy& copy) {
  auto backups = view_.with_role(Role::kBackup);
  if (epoch_ == 0 || backups.empty() || copy.reply == nullptr) {
    if (copy.done) copy_is_there(query);  // there is nobody to hold it
    return;
  }
  copy.holder = backups.front();
  port_.send(copy.holder, protocol::encode_as(Tag::kKeepOutcome, *copy.reply));
}

void SharedOutcomes::copy_is_there(const QueryId& query) {
  auto it = copies_.find(query);
  if (it == copies_.end()) return;
  auto done = std::move(it->second.done);
  copies_.erase(it);
  done();
}

void SharedOutcomes::given(const ClientReply& reply, Rank serving) {
  auto release = [this, query = reply.query] { parts_.coordinator.release(query); };
  if (epoch_ == 0 || !view_.contains(serving)) return release();
  copies_[reply.query] = {nullptr, serving, release};
}

void SharedOutcomes::ask(const QueryId& query, std::function<void(KeptResults::Reply)> done) {
  Ask& ask = asks_[query];
  ask.done.push_back(std::move(done));
  if (ask.done.size() > 1) return;
  for (const auto& [rank, member] : view_.members)
    if (rank != port_.self() && (member.role == Role::kBackup || member.role == Role::kActive)) ask.waiting.insert(rank);
  for (Rank rank : ask.waiting) port_.send(rank, protocol::encode_query_tag(Tag::kAskResult, query, 0));
  if (ask.waiting.empty()) take_found(kNoRank, [&] {
    ClientReply none;
    none.not_active = true;
    none.query = query;
    return none;
  }());
}

void SharedOutcomes::take_found(Rank source, ClientReply found) {
  auto it = asks_.find(found.query);
  if (it == asks_.end()) return;
  it->second.waiting.erase(source);
  if (found.not_active && !it->second.waiting.empty()) return;
  auto waiters = std::move(it->second.done);
  asks_.erase(it);
  KeptResults::Reply reply = found.not_active ? nullptr : std::make_shared<const ClientReply>(std::move(found));
  if (reply) runner_.kept().keep(reply, parts_.runtime.boottime() / 1000);
  for (auto& done : waiters) done(reply);
}

void SharedOutcomes::on_view(const cluster::View& view) {
  // Also one that was outside meanwhile: an active that was stopped answers a last statement before it hears of its end.
  const bool back = view.contains(port_.self()) && !view_.contains(port_.self());
  const bool new_epoch = back || view.epoch != view_.epoch || view.active() != view_.active();
  view_ = view;
  std::vector<QueryId> lost, unanswered;
  for (const auto& [query, copy] : copies_)
    if (copy.holder != kNoRank && !view.contains(copy.holder)) lost.push_back(query);
  for (const QueryId& query : lost)
    if (auto it = copies_.find(query); it != copies_.end()) send_copy(query, it->second);
  for (auto& [query, ask] : asks_) {
    std::erase_if(ask.waiting, [&](Rank rank) { return !view.contains(rank); });
    if (ask.waiting.empty()) unanswered.push_back(query);
  }
  for (const QueryId& query : unanswered) {
    ClientReply none;
    none.not_active = true;
    none.query = query;
    take_found(kNoRank, std::move(none));
  }
  if (new_epoch) tell_held();
  settle(parts_.runtime.boottime());
}

/// Always, also nothing: the new active waits for word of every backup before it takes queries up again.
void SharedOutcomes::tell_held() {
  const Rank active = view_.active();
  if (active == kNoRank || active == port_.self() || !view_.contains(port_.self())) return;
  protocol::HeldOutcomes told;
  told.epoch = view_.epoch;
  for (const auto& [query, held] : held_) told.records.push_back(held.record);
  port_.send(active, protocol::encode(told));
}

void SharedOutcomes::take_held(Rank source, protocol::HeldOutcomes told) {
  for (Bytes& record : told.records) {
    const QueryId query = QueryState::decode(record).id;
    if (held_.try_emplace(query, Held{std::move(record), 0, 0}).second) not_shown_.insert(query);
  }
  told_[source] = std::max(told_[source], told.epoch);
  const Micros now = parts_.runtime.boottime();
  look_for_held(now);
  if (epoch_ != 0) propose_held(now);
  settle(now);
}

void SharedOutcomes::propose_held(Micros now) {
  for (const QueryId& query : not_shown_) {
    Held& held = held_.at(query);
    if (held.proposed_at != 0 && now - held.proposed_at < kProposeAgainUs) continue;
    if (held.proposed_at == 0) runner_.announce(QueryState::decode(held.record));
    held.proposed_at = now;
    cluster::Proposal proposal;
    proposal.durability = journal::Durability::kState;
    proposal.records.emplace_back(journal::RecordKind::kQuery, held.record);
    parts_.node.propose(std::move(proposal), [](cluster::Outcome) {});
  }
}

void SharedOutcomes::settle(Micros now) {
  if (epoch_ == 0 || settled_) return;
  auto told = [this](Rank rank) {
    auto it = told_.find(rank);
    return it != told_.end() && it->second >= epoch_;
  };
  for (Rank backup : view_.with_role(Role::kBackup))
    if (!told(backup) && now - active_since_ < kAdoptionWaitUs) return;
  settled_ = true;
  runner_.on_settled(epoch_);
}

void SharedOutcomes::on_active(Epoch epoch) {
  epoch_ = epoch;
  active_since_ = parts_.runtime.boottime();
  settled_ = false;
  for (auto& [query, held] : held_) held.proposed_at = 0;
  look_for_held(active_since_);
  propose_held(active_since_);
  settle(active_since_);
}

void SharedOutcomes::on_passive() {
  epoch_ = 0;
  std::map<QueryId, Copy> copies;
  copies.swap(copies_);
  for (auto& [query, copy] : copies) copy.done();
}

/// Which records the log shows by now. One that was shown is looked for again only when the state was replaced as a
/// whole, which is how a slot is lost: that it has left the bounded history meanwhile says nothing.
void SharedOutcomes::look_for_held(Micros now) {
  if (const std::uint64_t restored = parts_.queries.restored(); restored != looked_in_) {
    looked_in_ = restored;
    shown_.clear();
    for (const auto& [query, held] : held_)
      if (held.shown_since == 0 || !parts_.queries.ended(query)) not_shown_.insert(query);
      else shown_.emplace_back(held.shown_since, query);
    std::sort(shown_.begin(), shown_.end());
    for (const QueryId& query : not_shown_) held_.at(query).shown_since = 0;
  }
  for (auto it = not_shown_.begin(); it != not_shown_.end();) {
    if (!parts_.queries.ended(*it)) {
      ++it;
      continue;
    }
    held_.at(*it).shown_since = now;
    shown_.emplace_back(now, *it);
    it = not_shown_.erase(it);
  }
  for (; !shown_.empty() && now - shown_.front().first >= kHoldShownUs; shown_.pop_front()) {
    auto it = held_.find(shown_.front().second);
    if (it != held_.end() && it->second.shown_since == shown_.front().first) held_.erase(it);
  }
}

void SharedOutcomes::on_tick(Micros now) {
  look_for_held(now);
  if (epoch_ == 0) return;
  propose_held(now);
  settle(now);
}

}  // namespace tajo::master
