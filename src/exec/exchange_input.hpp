#pragma once
#include "operator.hpp"
#include "task.hpp"

namespace tajo::exec {

/// What another stage gave: its blocks in any order, dealt to lanes as they come.
class ExchangeSource final : public Source {
 public:
  ExchangeSource(const plan::PhysicalNode& node, const TaskSpec& spec, exchange::OutputStore& outputs);
  int open(Context&, int threads) override;
  std::unique_ptr<Local> local(Context&) override;
  Flow next(Context& context, Local& local, Batch& out) override;
  std::string waits_for() const override { return reader_ ? reader_->waits_for() : ""; }

 private:
  struct State;
  std::vector<exchange::OutputSource> sources_;
  std::uint16_t partition_;
  exchange::OutputStore& outputs_;
  std::unique_ptr<exchange::OutputReader> reader_;
};

/// The outputs of the producers and the partition this task reads of stage `stage`.
std::vector<exchange::OutputSource> exchange_sources(const TaskSpec& spec, std::uint16_t stage);
std::uint16_t exchange_partition(const TaskSpec& spec, std::uint16_t stage);

}  // namespace tajo::exec
