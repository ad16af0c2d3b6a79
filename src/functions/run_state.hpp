#pragma once
#include <array>
#include <memory>
#include <vector>

#include "bits.hpp"
#include "compiled.hpp"

namespace tajo::functions {

/// Results of a dictionary term for one dictionary: a flat vector of entries + 1 values, the last for NULL.
struct DictionaryResult {
  std::uint64_t dictionary = 0;
  std::unique_ptr<data::Arena> arena;
  std::shared_ptr<const void> owner;  // text results may point into the dictionary's bytes
  Vector values;
  /// Boolean terms: codes first..last are TRUE and no others (`contiguous`).
  bool contiguous = false;
  bool null_is_true = false;
  std::uint32_t first = 1;
  std::uint32_t last = 0;
};

inline constexpr std::size_t kMaxDictionaryEntries = 16384;  // larger ones are evaluated row by row
inline constexpr std::size_t kCachedDictionaries = 8;        // a term, a thread

class RunState;

/// Tables of one dictionary term, by dictionary id; the oldest is replaced.
class DictionaryCache {
 public:
  /// nullptr: the vector has no dictionary worth a table.
  const DictionaryResult* find(const Compiled& term, std::uint32_t column, const Vector& in, Physical result);
  RunState& state(const Compiled& term);  // for vectors without a table

 private:
  void fill(DictionaryResult& entry, std::uint32_t column, const data::Dictionary& dictionary, Physical result);
  std::unique_ptr<RunState> state_;
  std::array<DictionaryResult, kCachedDictionaries> entries_;
  std::size_t next_ = 0;
};

struct ConjunctState {
  std::unique_ptr<RunState> general;
  DictionaryCache dictionary;
  double rows_in = 1;
  double rows_out = 0.5;
  double time_ns = 1;
};

class RunState final : public Program::State {
 public:
  explicit RunState(std::shared_ptr<const Compiled> program);
  ~RunState() override;
  void run(const data::Batch& in, std::span<Vector> out) override;
  Selection filter(const data::Batch& in) override;

  void execute(std::span<const Vector> columns, std::uint32_t rows, const Selection& selection, data::Arena& arena,
               std::uint64_t first_row_id);
  const Vector& output(std::size_t i) const { return registers_[program_->output_registers[i]]; }

 private:
  friend class FilterRun;
  void step(const Step& step);
  void run_kernel_step(const Step& step);
  void convert(const Step& step);
  void connective(const Step& step);
  void negate(const Step& step);
  void is_null(const Step& step);
  void split(const Step& step);
  void merge(const Step& step);
  void dictionary(const Step& step, std::size_t index);
  void next_row(const Step& step);
  void set_null_constant(const Step& step);
  void* allocate(Physical physical) { return arena_->allocate(std::size_t{rows_} * data::physical_width(physical) + 64, 64); }
  std::uint64_t* all_valid();

  std::shared_ptr<const Compiled> program_;
  std::vector<Vector> registers_;
  std::vector<Selection> slots_;
  std::vector<std::unique_ptr<DictionaryCache>> dictionaries_;  // by step, lazily
  std::unique_ptr<data::Arena> constants_;
  // of the running batch
  std::span<const Vector> columns_;
  std::uint32_t rows_ = 0;
  data::Arena* arena_ = nullptr;
  std::uint64_t first_row_id_ = 0;
  // of the filter
  std::vector<ConjunctState> conjuncts_;
  std::vector<std::uint16_t> order_;
  std::uint32_t batches_ = 0;
};

}  // namespace tajo::functions
