#pragma once
#include <functional>
#include <string>

#include "tajo/cluster/node.hpp"
#include "tajo/master/master_node.hpp"
#include "tajo/worker/worker_node.hpp"

namespace tajo {

/// Hands what the cluster node tells to the rank's master and worker halves. Control thread.
class RankListener final : public cluster::NodeListener {
 public:
  master::MasterNode* master = nullptr;
  worker::WorkerNode* worker = nullptr;
  std::function<void()> on_leave;  ///< the cluster ends
  std::function<void(const cluster::View&, cluster::Role)> on_membership;

  void on_view(const cluster::View& view, cluster::Role self) override;
  void on_active(Epoch epoch) override { master->on_active(epoch); }
  void on_passive() override { master->on_passive(); }
  void on_evicted() override;
  void on_exit(const std::string& reason) override;
  void on_frame(Rank source, Bytes message) override;
  void on_suspicion(Rank rank) override;
  void on_read_only(bool read_only) override;
  void on_log_damaged(const std::string& what) override;
};

}  // namespace tajo
