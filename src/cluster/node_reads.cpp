#include "node_core.hpp"

namespace tajo::cluster {

/// §5: an answer leaves after a slot I won, or after a strict majority of my view has answered while my last slot is
/// young. All statements that arrive while one question is under way share the next.
void ClusterNode::Core::prove_read(std::function<void(bool)> done) {
  if (!is_active() || epoch_ != mine_ || ended_) return done(false);
  if (canary(Canary::kReadsWithoutProof)) return done(true);
  reads_.push_back(std::move(done));
  if (!proving_) start_proof();
}

void ClusterNode::Core::start_proof() {
  if (reads_.empty() || !is_active()) return;
  if (now() - last_begun_ >= kProofByMajority || now() < slots_until_ || hold_ || stepdown_ || now() < hush_until_) {
    for (auto& done : std::exchange(reads_, {})) slot_reads_.push_back(std::move(done));
    want_slot_ = true;
    return kick();
  }
  proving_ = true;
  proof_ = {};
  proof_.waiting = std::exchange(reads_, {});
  proof_.answered.insert(config_.self);
  proof_.view = view_.number;
  proof_.epoch = mine_;
  proof_.number = ++proof_number_;
  proof_.asked = now();
  std::uint64_t number = proof_.number;
  for (Rank r : others())
    send(r, {.kind = Kind::kCheck, .epoch = mine_, .view = view_.number, .number = number});
  // Members that do not answer cost no longer than this: the slot decides then, and for a while at once.
  fibers_.call_at(now() + kProofWait, [this, number] {
    if (!proving_ || proof_.number != number) return;
    slots_until_ = now() + kSlotsInstead;
    proof_to_slot();
  });
  count_proof();
}

void ClusterNode::Core::proof_to_slot() {
  proving_ = false;
  for (auto* waiting : {&proof_.waiting, &reads_}) {
    for (auto& done : *waiting) slot_reads_.push_back(std::move(done));
    waiting->clear();
  }
  want_slot_ = true;
  kick();
}

void ClusterNode::Core::count_proof() {
  if (!proving_) return;
  if (!is_active() || proof_.epoch != mine_ || epoch_ != mine_) return;
  if (proof_.view != view_.number || stepdown_) return proof_to_slot();
  std::size_t votes = 0;
  for (Rank r : proof_.answered) votes += view_.contains(r) ? 1U : 0U;
  std::size_t members = view_.members.size();
  bool enough = canary(Canary::kHalf) ? votes * 2 >= members : votes * 2 > members;
  if (!enough) return;
  proving_ = false;
  auto proved = std::exchange(proof_.waiting, {});
  count_.reads_by_majority += proved.size();
  answer([proved = std::move(proved)] {
    for (const auto& done : proved) done(true);
  });
  start_proof();
}

void ClusterNode::Core::hand_over(Rank successor, std::function<void(bool)> done) {
  auto it = view_.members.find(successor);
  if (!is_active() || stepdown_ || it == view_.members.end() || it->second.role != Role::kBackup) return done(false);
  if (handover_done_) return done(false);
  handover_done_ = std::move(done);
  offered_at_ = 0;
  offer_handover(successor);
  std::uint64_t number = handover_number_;
  fibers_.call_at(now() + kHandoverWait, [this, number] {
    if (!stepdown_ && handover_number_ == number) end_handover(false);  // it did not ask
  });
}

/// The successor asks, so that it knows how old a grant is at most when it wins: the old active's silence ends by time.
void ClusterNode::Core::offer_handover(Rank successor) {
  if (stepdown_ || (offered_at_ != 0 && now() - offered_at_ < kHandoverWait / 3)) return;
  offered_at_ = now();
  send(successor, {.kind = Kind::kOffer, .epoch = mine_, .view = view_.number});
}

/// From here no slot is begun and no read answered in this epoch, until the successor has claimed or failed to.
void ClusterNode::Core::grant_handover(Rank successor, std::uint64_t question) {
  if (!is_active() || stepdown_) return;
  ++count_.handovers_granted;
  stepdown_ = true;
  successor_ = successor;
  std::uint64_t number = ++handover_number_;
  send(successor, {.kind = Kind::kTake, .epoch = mine_, .view = view_.number, .number = question});
  fibers_.call_at(now() + kHandoverWait, [this, number] {
    if (!stepdown_ || handover_number_ != number || !is_active() || ended_) return;
    stepdown_ = false;
    end_handover(false);
    start_proof();
    kick();
  });
}

void ClusterNode::Core::end_handover(bool taken) {
  auto done = std::exchange(handover_done_, nullptr);
  if (done) done(taken);
}

}  // namespace tajo::cluster
