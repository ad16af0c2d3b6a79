#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "memory.hpp"
#include "tajo/data/vector.hpp"
#include "tajo/exchange/flow.hpp"

namespace tajo::exec {

using data::Batch;
using exchange::Flow;
using exchange::Waker;

inline constexpr std::uint32_t kNoNode = 0xFFFFFFFF;  ///< operators that are no node of the plan

/// What a thread hands an operator: who pays, who wakes it, when to stop.
struct Context {
  MemoryAccount& memory;
  Waker& waker;
  const std::atomic<bool>& stop;  ///< the task was cancelled or failed: long loops look at it
  int lane = 0;                   ///< which of the pipeline's threads this is, 0..
  int lanes = 1;                  ///< most threads the pipeline may have
};

/// State of one operator in one lane of one pipeline; used by one thread at a time.
class Local {
 public:
  virtual ~Local() = default;
};

/// An operator is built once a task. Its configuration never changes; what its threads share are members with their
/// own synchronisation; what belongs to one lane is in a Local. Nothing in it waits: it says kBlocked instead.
class Operator {
 public:
  explicit Operator(std::uint32_t node) : node_(node) {}
  virtual ~Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;
  std::uint32_t node() const { return node_; }
  virtual std::unique_ptr<Local> local(Context& context) = 0;

  // For EXPLAIN ANALYZE: what was read, and what tables, runs and the like took when they were complete.
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::uint64_t memory() const { return memory_.load(std::memory_order_relaxed); }
  virtual std::uint64_t spilled() const { return 0; }   ///< bytes written to spill files; of one operator of a node

 protected:
  void add_bytes(std::uint64_t n) { bytes_.fetch_add(n, std::memory_order_relaxed); }
  void add_memory(std::uint64_t n) { memory_.fetch_add(n, std::memory_order_relaxed); }

 private:
  const std::uint32_t node_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> memory_{0};
};

class Source : public Operator {
 public:
  using Operator::Operator;
  /// Once, when all that the pipeline waits for stands. Returns how many lanes are worth it, at most `threads`; 0: there
  /// is nothing to give.
  virtual int open(Context& context, int threads) = 0;
  /// kMore: `out` holds a batch (perhaps without rows), valid until the next call with this Local.
  virtual Flow next(Context& context, Local& local, Batch& out) = 0;
  /// What it waits for, for people who read the log. Any thread, once it is open.
  virtual std::string waits_for() const { return {}; }
};

enum class StepFlow : std::uint8_t {
  kNone,  ///< the input is used up, no output
  kOut,   ///< the input is used up, there is an output
  kMore,  ///< there is an output, and the step wants to be called again with the same input
  kLast,  ///< as kOut, and the pipeline needs no more input at all
};

class Step : public Operator {
 public:
  using Operator::Operator;
  virtual StepFlow run(Context& context, Local& local, const Batch& in, Batch& out) = 0;
};

/// Where pipelines end. Several pipelines may end in one sink.
class Sink : public Operator {
 public:
  using Operator::Operator;
  /// kBlocked: call again with the same batch once woken. kDone: nothing more is wanted.
  virtual Flow take(Context& context, Local& local, const Batch& in) = 0;
  /// Once a lane, after its last batch. The Local goes away afterwards.
  virtual void combine(Context& context, Local& local) = 0;
  /// After all lanes of all pipelines: number of parts of the `number`th finishing phase, run in parallel; 0: finished.
  virtual std::uint32_t phase(Context&, std::uint32_t /*number*/) { return 0; }
  virtual void part(Context&, std::uint32_t /*phase*/, std::uint32_t /*part*/) {}
};

}  // namespace tajo::exec
