#include "tajo/master/resource_tracker.hpp"

#include <algorithm>

namespace tajo::master {

void ResourceTracker::on_heartbeat(Rank rank, protocol::Heartbeat heartbeat, Micros now) {
  std::lock_guard lock(mutex_);
  NodeStatus& node = nodes_[rank];
  node.rank = rank;
  node.heartbeat = std::move(heartbeat);
  node.heard_at = now;
}

void ResourceTracker::on_view(const cluster::View& view) {
  std::lock_guard lock(mutex_);
  if (view.world != view_.world) nodes_.clear();  // rank numbers of another job
  view_ = view;
  for (auto& [rank, node] : nodes_) node.member = false;
  for (const auto& [rank, member] : view.members) {
    NodeStatus& node = nodes_[rank];
    node.rank = rank;
    node.role = member.role;
    node.member = true;
    node.decommissioned = view.decommissioned.contains(rank);
  }
}

const char* status_name(const NodeStatus& node, Micros now) {
  if (!node.member) return "LOST";
  if (node.decommissioned) return node.role == cluster::Role::kWorker ? "DECOMMISSIONING" : "DECOMMISSIONED";
  return node.heard_at != 0 && now - node.heard_at > kUnhealthyAfterUs ? "UNHEALTHY" : "RUNNING";
}

std::vector<NodeStatus> ResourceTracker::nodes() const {
  std::lock_guard lock(mutex_);
  std::vector<NodeStatus> out;
  for (const auto& [rank, node] : nodes_)
    if (node.role != cluster::Role::kOutside) out.push_back(node);  // one that was never a member is none that was lost
  return out;
}

std::vector<NodeStatus> ResourceTracker::members() const {
  std::vector<NodeStatus> out = nodes();
  std::erase_if(out, [](const NodeStatus& node) { return !node.member; });
  return out;
}

cluster::View ResourceTracker::view() const {
  std::lock_guard lock(mutex_);
  return view_;
}

bool ResourceTracker::launcher_lost() const {
  std::lock_guard lock(mutex_);
  for (const auto& [rank, node] : nodes_)
    if (node.member && node.heartbeat.launcher_lost) return true;
  return false;
}

std::pair<int, int> ResourceTracker::capacity() const {
  std::lock_guard lock(mutex_);
  int workers = 0, cores = 0;
  for (const auto& [rank, node] : nodes_) {
    if (!node.member || node.decommissioned || node.role != cluster::Role::kWorker) continue;
    ++workers;
    int own = static_cast<int>(std::max<std::uint32_t>(1, node.heartbeat.cores));
    cores = cores == 0 ? own : std::min(cores, own);
  }
  return {workers, std::max(1, cores)};
}

}  // namespace tajo::master
