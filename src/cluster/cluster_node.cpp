#include "tajo/cluster/cluster_node.hpp"

#include <algorithm>
#include <limits>

#include "node_core.hpp"

namespace tajo::cluster {

ClusterNode::ClusterNode(NodeConfig config, journal::LogFiles& files, MessagePort& port, NodeListener& listener,
                         std::function<Micros()> clock)
    : core_(std::make_unique<Core>(std::move(config), files, port, listener, std::move(clock))) {}
ClusterNode::~ClusterNode() = default;

void ClusterNode::add_machine(std::string section, std::vector<journal::RecordKind> kinds,
                              journal::StateMachine& machine) {
  core_->log_.add_machine(std::move(section), std::move(kinds), machine);
}
void ClusterNode::start() { core_->start(); }
void ClusterNode::on_frame(Rank source, const Stamp& stamp, Bytes payload) {
  core_->on_frame(source, stamp, std::move(payload));
}
FrameGate ClusterNode::gate() const { return FrameGate(core_->config_.world, core_->view_, core_->epoch_); }
void ClusterNode::on_suspect(Rank rank) { core_->on_suspect(rank); }
void ClusterNode::on_tick() { core_->on_tick(); }
Micros ClusterNode::next_wakeup() const { return core_->next_wakeup(); }

const View& ClusterNode::view() const { return core_->view_; }
Role ClusterNode::role() const { return core_->role_; }
Epoch ClusterNode::epoch() const { return core_->epoch_; }
Incarnation ClusterNode::incarnation() const { return core_->incarnation_; }
void ClusterNode::propose(Proposal proposal, std::function<void(Outcome)> done) {
  core_->propose(std::move(proposal), std::move(done));
}
void ClusterNode::prove_read(std::function<void(bool)> done) { core_->prove_read(std::move(done)); }
void ClusterNode::hand_over(Rank successor, std::function<void(bool)> done) {
  core_->hand_over(successor, std::move(done));
}

void ClusterNode::decommission(const std::set<Rank>& ranks, bool out) { core_->decommission(ranks, out); }
void ClusterNode::retire(Rank rank) { core_->retire(rank); }

void ClusterNode::set_link(Rank peer, bool open) {
  if (!open) {
    core_->links_.erase(peer);
  } else if (core_->links_.insert(peer).second) {
    core_->heard_[peer] = core_->now();  // watched from now on: judged by no older timer
  }
}
void ClusterNode::set_filesystem_age(Micros age) { core_->own_files_age_ = age; }
Micros ClusterNode::filesystem_age(Rank rank) const {
  auto it = core_->files_age_.find(rank);
  return it == core_->files_age_.end() ? 0 : it->second;
}
void ClusterNode::set_keeper(bool present) { core_->keeper_ = present; }
void ClusterNode::abstain() { core_->abstains_until_ = std::numeric_limits<Micros>::max(); }
void ClusterNode::abstain_for(Micros time) { core_->abstains_until_ = std::max(core_->abstains_until_, core_->now() + time); }
void ClusterNode::set_row_limits(std::int64_t slots, std::uint64_t bytes) { core_->log_.set_row_limits(slots, bytes); }
const RuleCounters& ClusterNode::counters() const { return core_->count_; }
std::string ClusterNode::status() const { return core_->status(); }

}  // namespace tajo::cluster
