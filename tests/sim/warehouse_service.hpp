#pragma once
#include <memory>

#include "executor.hpp"
#include "fiber_runtime.hpp"
#include "service.hpp"
#include "tajo/catalog/catalog.hpp"
#include "tajo/common/event_loop.hpp"
#include "tajo/master/master_node.hpp"
#include "tajo/worker/worker_node.hpp"

namespace tajo::sim {

/// Rows of a fragment, by the statements that wrote them.
std::vector<std::int64_t> tokens_of_fragment(const data::FragmentInfo& fragment, const WarehouseFiles& files);

/// Runs what is posted in the process, as its control thread or its file thread would.
class SimLoop final : public Loop {
 public:
  SimLoop(SimRank& process, Micros longest_wait) : process_(process), longest_wait_(longest_wait) {}
  void post(std::function<void()> work) override;
  void run_after(Micros delay, std::function<void()> work) override;

 private:
  SimRank& process_;
  Micros longest_wait_;
  Micros last_ = 0;
};

/// The node as the warehouse sees it: it itself, or a known-bad variant of what is asked of it.
class SeenNode final : public cluster::Node {
 public:
  explicit SeenNode(SimRank& process) : process_(process) {}
  const cluster::View& view() const override { return process_.node->view(); }
  cluster::Role role() const override { return process_.node->role(); }
  Epoch epoch() const override { return process_.node->epoch(); }
  Incarnation incarnation() const override { return process_.node->incarnation(); }
  void propose(cluster::Proposal proposal, std::function<void(cluster::Outcome)> done) override;
  void prove_read(std::function<void(bool)> done) override;
  void hand_over(Rank successor, std::function<void(bool)> done) override { process_.node->hand_over(successor, std::move(done)); }
  void decommission(const std::set<Rank>& ranks, bool out) override { process_.node->decommission(ranks, out); }
  void retire(Rank rank) override { process_.node->retire(rank); }

 private:
  SimRank& process_;
};

/// A rank as tajod wires it: the shipped MasterNode, WorkerNode and their state machines over simulated loops, threads,
/// messages, tasks and files.
class WarehouseService final : public Service, public protocol::ControlPort {
 public:
  WarehouseService(SimRank& process, WarehouseFiles& files, bool serves_clients);
  ~WarehouseService() override;
  void start() override;
  void on_view(const cluster::View& view, cluster::Role self) override;
  void on_active(Epoch epoch) override { master_.on_active(epoch); }
  void on_passive() override { master_.on_passive(); }
  void on_evicted() override { worker_.on_evicted(); }
  void on_frame(Rank source, Bytes payload) override;
  void turn() override { runtime_.turn(); }
  void on_death() override {}

  // ControlPort
  Rank self() const override { return process_.rank; }
  void send(Rank to, Bytes message) override;

  /// A thread of a client connection.
  void connect(std::function<void(master::ClientService&)> work);
  /// For a fiber: the process dies here.
  [[noreturn]] void dies_of(const std::string& why);

  SimRank& process() { return process_; }
  FiberRuntime& runtime() { return runtime_; }
  SimOutputs& outputs() { return outputs_; }
  WarehouseFiles& files() { return files_; }
  master::MasterNode& master() { return master_; }

 private:
  SimRank& process_;
  WarehouseFiles& files_;
  FiberRuntime runtime_;
  SeenNode node_;
  SimLoop loop_, file_loop_;
  SimOutputs outputs_;
  SimStorage storage_;
  SimEngine engine_;
  catalog::Catalog catalog_;
  master::SessionState sessions_;
  master::QueryState queries_;
  master::ResourceTracker resources_;
  master::QueryCoordinator coordinator_;
  worker::WorkerNode worker_;
  master::MasterNode master_;
};

}  // namespace tajo::sim
