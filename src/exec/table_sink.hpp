#pragma once
#include <atomic>
#include <mutex>
#include <vector>

#include "operator.hpp"
#include "task.hpp"

namespace tajo::exec {

/// Writes the stage's rows as fragments `<query>_<task>_<attempt>_<n>.h5` of the target's directory, a writer a lane.
/// The files are removed again unless the task succeeds.
class TableSink final : public Sink {
 public:
  TableSink(const TaskSpec& spec, std::string directory, TaskReport& report);
  ~TableSink() override;
  std::unique_ptr<Local> local(Context&) override;
  Flow take(Context&, Local& local, const Batch& in) override;
  void combine(Context&, Local& local) override;

 private:
  struct State;
  void finish(State& state);
  const plan::WriteTarget& target_;
  const TaskId task_;
  const std::string directory_;
  TaskReport& report_;
  std::atomic<std::uint32_t> next_file_{0};
  std::mutex mutex_;
  std::vector<std::string> files_;  ///< finished, under mutex_
};

}  // namespace tajo::exec
