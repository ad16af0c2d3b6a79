#include "tajo/exec/engine.hpp"

#include <map>
#include <mutex>

#include "task.hpp"

namespace tajo::exec {

namespace {

class ThreadedEngine final : public Engine {
 public:
  ThreadedEngine(const EngineConfig& config, storage::Storage& storage, exchange::OutputStore& outputs)
      : config_(config), storage_(storage), outputs_(outputs), pool_({config.memory_bytes, config.spill_floor_bytes, config.spill_after_bytes}, config.memory_in_use, [&outputs] { outputs.give_way(); }), scheduler_(config.threads) {}

  ~ThreadedEngine() override {
    std::vector<std::shared_ptr<Task>> tasks;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [id, task] : tasks_) tasks.push_back(task);
    }
    for (const auto& task : tasks) task->cancel();
  }

  void submit(TaskSpec spec, std::function<void(TaskResult)> done) override {
    const TaskId id = spec.id;
    std::shared_ptr<Task> task;
    {
      const std::lock_guard lock(mutex_);
      TAJO_ASSERT(!tasks_.contains(id));
      std::shared_ptr<MemoryAccount> memory = accounts_[id.query].lock();
      if (!memory) {
        memory = std::make_shared<MemoryAccount>(pool_, id.query);
        accounts_[id.query] = memory;
      }
      Task::Services services{config_, scheduler_, storage_, outputs_,
                              [this, done = std::move(done)](Task& ended, TaskResult result) {
                                const std::shared_ptr<Task> last = forget(ended.spec().id);
                                done(std::move(result));
                              }};
      task = std::make_shared<Task>(std::move(spec), std::move(services), std::move(memory));
      tasks_.emplace(id, task);
    }
    task->start();
  }

  void cancel(const TaskId& id) override {
    std::shared_ptr<Task> task;
    {
      const std::lock_guard lock(mutex_);
      const auto found = tasks_.find(id);
      if (found == tasks_.end()) return;
      task = found->second;
    }
    task->cancel();
  }

  void cancel_query(const QueryId& query) override {
    std::vector<std::shared_ptr<Task>> tasks;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [id, task] : tasks_)
        if (id.query == query) tasks.push_back(task);
    }
    for (const auto& task : tasks) task->cancel();
  }

  std::vector<TaskProgress> progress() const override {
    std::vector<TaskProgress> out;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, task] : tasks_) out.push_back(task->progress());
    return out;
  }

  std::string waits_for(const TaskId& id) const override {
    const std::lock_guard lock(mutex_);
    const auto found = tasks_.find(id);
    return found == tasks_.end() ? std::string() : found->second->waits_for();
  }

  int running() const override {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(tasks_.size());
  }

  std::size_t memory_in_use() const override { return pool_.used(); }

 private:
  std::shared_ptr<Task> forget(const TaskId& id) {
    const std::lock_guard lock(mutex_);
    const auto found = tasks_.find(id);
    std::shared_ptr<Task> task = std::move(found->second);
    tasks_.erase(found);
    const auto account = accounts_.find(id.query);
    if (account != accounts_.end() && account->second.expired()) accounts_.erase(account);
    return task;
  }

  const EngineConfig config_;
  storage::Storage& storage_;
  exchange::OutputStore& outputs_;
  MemoryPool pool_;
  mutable std::mutex mutex_;
  std::map<TaskId, std::shared_ptr<Task>> tasks_;
  std::map<QueryId, std::weak_ptr<MemoryAccount>> accounts_;
  Scheduler scheduler_;  // last: its threads end first, with all that is queued
};

}  // namespace

std::unique_ptr<Engine> Engine::make(const EngineConfig& config, storage::Storage& storage, exchange::OutputStore& outputs) {
  return std::make_unique<ThreadedEngine>(config, storage, outputs);
}

}  // namespace tajo::exec
