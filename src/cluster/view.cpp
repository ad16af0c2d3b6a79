#include "cluster_records.hpp"
#include "tajo/cluster/frame_gate.hpp"
#include "tajo/cluster/node.hpp"

namespace tajo::cluster {

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kOutside: return "outside";
    case Role::kActive: return "active";
    case Role::kBackup: return "backup";
    case Role::kWorker: return "worker";
    case Role::kSpare: return "spare";
  }
  return "?";
}

const char* cause_name(Cause cause) {
  switch (cause) {
    case Cause::kStart: return "start";
    case Cause::kForce: return "force";
    case Cause::kMajority: return "majority";
    case Cause::kMinority: return "minority";
    case Cause::kOrphan: return "orphan";
    case Cause::kHandover: return "handover";
    case Cause::kAgain: return "again";
  }
  return "?";
}

Rank View::active() const {
  for (const auto& [rank, member] : members)
    if (member.role == Role::kActive) return rank;
  return kNoRank;
}

std::vector<Rank> View::with_role(Role role) const {
  std::vector<Rank> out;
  for (const auto& [rank, member] : members)
    if (member.role == role) out.push_back(rank);
  return out;
}

std::vector<Rank> View::workers_on_duty() const {
  std::vector<Rank> out = with_role(Role::kWorker);
  std::erase_if(out, [this](Rank r) { return decommissioned.contains(r); });
  return out;
}

Incarnation View::incarnation(Rank rank) const {
  auto it = members.find(rank);
  return it == members.end() ? 0 : it->second.incarnation;
}

Verdict judge_frame(std::uint64_t world, const View& view, Epoch epoch, Rank source, const Stamp& stamp) {
  if (stamp.world != world) return Verdict::kDrop;
  if (view.world != world) return Verdict::kEarly;
  if (view.incarnation(source) != stamp.incarnation) {
    if (stamp.view == view.number) return Verdict::kDrop;  // it knows that it is outside
    return stamp.view > view.number ? Verdict::kEarly : Verdict::kEvicted;
  }
  return stamp.epoch < epoch ? Verdict::kDrop : Verdict::kDeliver;
}

}  // namespace tajo::cluster
