#pragma once
#include <memory>
#include <span>
#include <vector>

#include "tajo/data/vector.hpp"
#include "tajo/functions/expression.hpp"

namespace tajo::functions {

/// What an evaluation may read besides its batch; fixed in the plan so that a retried task gives the same rows.
struct EvaluationSettings {
  std::int64_t now_us = 0;         ///< statement start, for now(), current_date, …
  std::uint64_t random_seed = 0;   ///< per query; random() hashes (seed, split, row)
  std::int32_t timezone_offset_s = 0;
};

/// Several expressions compiled into one linear program of kernels, common terms once. Immutable, any thread.
class Program {
 public:
  virtual ~Program() = default;
  /// `inputs`: physical types of the input columns (the vectors may come in any Form). `flat`: bare columns among the
  /// outputs are loaded, too, once for all their users (arguments of aggregates, keys).
  static std::shared_ptr<const Program> compile(std::span<const ExpressionPtr> outputs,
                                                std::span<const data::Physical> inputs,
                                                const EvaluationSettings& settings, bool flat = false);
  virtual std::size_t outputs() const = 0;

  /// Registers and adaptive state of one thread.
  class State {
   public:
    virtual ~State() = default;
    /// Evaluates all outputs for the selected rows; out[i] holds values at the rows' own positions; kFlat, kConstant,
    /// or the input vector unchanged (any form) for a bare column of a program that is not `flat`. Views into batch.arena / the input.
    /// Throws Error (22012, 22003, …) when a selected row fails.
    virtual void run(const data::Batch& in, std::span<data::Vector> out) = 0;
    /// The program's single boolean output as a filter: the selected rows for which it is TRUE, ascending, in the
    /// batch's arena. Conjuncts are evaluated in an adaptive order, on narrow (kStored, kCodes) vectors where
    /// possible; a conjunct that could raise an error never runs on rows an earlier one dropped in the written order.
    virtual data::Selection filter(const data::Batch& in) = 0;
  };
  virtual std::unique_ptr<State> state() const = 0;
};

/// A kFlat (or kConstant) form of any vector: loads kStored, looks up kCodes. `rows`: how many rows are present.
/// Only selected rows are guaranteed to be filled.
data::Vector flatten(const data::Vector& in, std::uint32_t rows, const data::Selection& selection, data::Arena& arena);

/// 64-bit hashes of rows over several key columns (NULL hashes as a value of its own), at positions 0..count-1 of
/// `out` in selection order. The same function everywhere: partitioning, tables, Bloom filters.
void hash_rows(std::span<const data::Vector> keys, const data::Selection& selection, std::uint64_t* out);

}  // namespace tajo::functions
