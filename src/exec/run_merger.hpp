#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sort_keys.hpp"
#include "spill.hpp"

namespace tajo::exec {

/// Merges sorted runs, some in memory, some in spill files (a block of each is in memory). One thread.
class RunMerger {
 public:
  /// The layout, the format and the runs outlive it.
  RunMerger(const SortLayout& layout, const RowFormat& format, std::span<const std::span<SortEntry>> in_memory,
            std::span<const SpilledRows> spilled);
  /// The next rows, at most kVectorRows; none: the end. Valid until the next call.
  std::span<const std::byte* const> next();

 private:
  struct Run {
    SortEntry entry{};                     ///< where the run stands
    std::span<SortEntry> rest;             ///< in memory: what comes after it
    const SpilledRows* spilled = nullptr;
    std::size_t block = 0;                 ///< the next one to load
    std::byte* row = nullptr;              ///< next row of the loaded block
    std::uint32_t rows_left = 0;
    data::Arena arena;
  };
  bool load(Run& run);
  /// False: its block is used up; the rows given so far have to go before the next one is loaded.
  bool advance(Run& run);
  bool later(std::size_t a, std::size_t b) const { return sorts_before(layout_, runs_[b]->entry, runs_[a]->entry); }

  const SortLayout& layout_;
  const RowFormat& format_;
  std::vector<std::unique_ptr<Run>> runs_;
  std::vector<std::size_t> heap_;          ///< the run with the first row on top
  std::optional<std::size_t> waiting_;     ///< run whose next block is to be loaded
  std::vector<const std::byte*> rows_;
};

}  // namespace tajo::exec
