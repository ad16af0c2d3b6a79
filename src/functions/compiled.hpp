#pragma once
#include <memory>
#include <string>
#include <vector>

#include "registry.hpp"
#include "tajo/functions/program.hpp"

namespace tajo::functions {

class Compiled;

/// One step of a program. A step reads registers, runs under one selection (a *slot*), and fills one register or makes
/// two new slots. Slot 0 is the batch's selection; a slot made by a split is a part of the one it was made under, so a
/// value computed under a slot serves all slots below it.
struct Step {
  enum class Op : std::uint8_t {
    kColumn,      // register = input column, any form
    kLoad,        // register = flat form of in[0]
    kConstant,
    kKernel,
    kConvert,     // between kI32, kI64, kI128
    kConnective,  // AND/OR of in[i], each computed under slots[i]; both decided rows and NULLs are merged
    kNot,
    kIsNull,      // of in[0] in any form
    kInList,
    kSplit,       // rows of `slot` where in[0] is TRUE → taken, others → rest
    kSplitValid,  // rows where in[0] is not NULL → taken, others → rest
    kSplitOpen,   // AND: rows where in[0] is not FALSE → taken; OR (negated): rows where it is not TRUE
    kMerge,       // value of in[i] for the rows of slots[i]
    kDictionary,  // `sub` evaluated once per entry of column's dictionary, mapped by code
    kNextRow,
  };
  Op op = Op::kKernel;
  std::uint16_t out = 0;
  std::uint16_t slot = 0;
  std::uint16_t taken = 0;
  std::uint16_t rest = 0;
  bool negated = false;
  int flags = kPlain;
  Physical physical = Physical::kI32;   // of `out`
  std::uint32_t column = 0;
  std::vector<std::uint16_t> in;
  std::vector<std::uint16_t> slots;
  Kernel kernel = nullptr;
  ExpressionPtr expression;
  std::shared_ptr<const void> prepared;
  std::shared_ptr<const Compiled> sub;
};

/// One conjunct of a filter, with the narrow form it may take.
struct Conjunct {
  ExpressionPtr expression;
  std::shared_ptr<const Compiled> program;  // general form
  bool can_fail = false;
  bool is_range = false;    // lo <= column <= hi, or not so when `negated`
  bool negated = false;
  bool is_pair = false;     // column `op` other, both stored in one width
  bool is_text = false;     // predicate over one text column: by dictionary
  std::uint32_t column = 0;
  std::uint32_t other = 0;
  char op = '<';            // '<', 'l' (<=), '=', '!'
  __int128 lo = 0;
  __int128 hi = 0;
};

class Compiled final : public Program {
 public:
  struct Options {
    bool dictionary = true;  // hoist terms over one text column into kDictionary steps
    bool filter = true;      // prepare conjuncts of a single boolean output
    bool flat = false;       // load bare columns among the outputs
  };
  static std::shared_ptr<const Compiled> make(std::span<const ExpressionPtr> outputs, std::span<const Physical> inputs,
                                              const EvaluationSettings& settings, Options options);

  std::size_t outputs() const override { return output_registers.size(); }
  std::unique_ptr<State> state() const override;

  std::vector<Step> steps;
  std::uint16_t registers = 0;
  std::uint16_t slots = 1;
  std::vector<std::uint16_t> output_registers;
  std::vector<Conjunct> conjuncts;  // in written order; empty unless Options::filter applies
  EvaluationSettings settings;
  std::weak_ptr<const Compiled> self;
};

/// Compiles the conjuncts of a boolean expression.
std::vector<Conjunct> make_conjuncts(const ExpressionPtr& predicate, std::span<const Physical> inputs,
                                     const EvaluationSettings& settings);

/// The kernel and operand form of an IN list; `prepared` holds the set.
struct InListPlan {
  Kernel kernel = nullptr;
  Physical operand = Physical::kI64;
  std::shared_ptr<const void> prepared;
};
InListPlan plan_in_list(const Expression& e, Physical operand);

/// An input column's term that is a function of one text column only and cannot fail: worth a table per dictionary.
bool is_dictionary_term(const Expression& e, std::span<const Physical> inputs, std::uint32_t& column);

}  // namespace tajo::functions
