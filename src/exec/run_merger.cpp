#include "run_merger.hpp"

#include <algorithm>

namespace tajo::exec {

RunMerger::RunMerger(const SortLayout& layout, const RowFormat& format, std::span<const std::span<SortEntry>> in_memory,
                     std::span<const SpilledRows> spilled)
    : layout_(layout), format_(format) {
  for (const auto& entries : in_memory) {
    if (entries.empty()) continue;
    runs_.push_back(std::make_unique<Run>());
    runs_.back()->entry = entries.front();
    runs_.back()->rest = entries.subspan(1);
  }
  for (const SpilledRows& rows : spilled) {
    auto run = std::make_unique<Run>();
    run->spilled = &rows;
    if (load(*run)) runs_.push_back(std::move(run));
  }
  for (std::size_t r = 0; r < runs_.size(); ++r) heap_.push_back(r);
  std::make_heap(heap_.begin(), heap_.end(), [this](std::size_t a, std::size_t b) { return later(a, b); });
}

bool RunMerger::load(Run& run) {
  if (run.block == run.spilled->blocks.size()) return false;
  const SpilledRows::Block& block = run.spilled->blocks[run.block++];
  run.arena.reset();
  run.row = load_block(format_, block, run.arena);
  run.rows_left = block.rows;
  return advance(run);
}

bool RunMerger::advance(Run& run) {
  if (run.spilled == nullptr) {
    if (run.rest.empty()) return false;
    run.entry = run.rest.front();
    run.rest = run.rest.subspan(1);
    return true;
  }
  if (run.rows_left == 0) return false;
  run.entry = sort_entry(run.row, layout_.key_bytes());
  run.row += format_.row_bytes;
  --run.rows_left;
  return true;
}

std::span<const std::byte* const> RunMerger::next() {
  const auto order = [this](std::size_t a, std::size_t b) { return later(a, b); };
  rows_.clear();
  if (waiting_) {
    if (load(*runs_[*waiting_])) {
      heap_.push_back(*waiting_);
      std::push_heap(heap_.begin(), heap_.end(), order);
    }
    waiting_.reset();
  }
  while (rows_.size() < data::kVectorRows && !heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), order);
    const std::size_t r = heap_.back();
    Run& run = *runs_[r];
    rows_.push_back(run.entry.row);
    if (advance(run)) {
      std::push_heap(heap_.begin(), heap_.end(), order);
      continue;
    }
    heap_.pop_back();
    if (run.spilled == nullptr) continue;
    waiting_ = r;
    break;
  }
  return rows_;
}

}  // namespace tajo::exec
