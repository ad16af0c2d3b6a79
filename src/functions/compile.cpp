// From expressions to a linear program: common terms once, casts between physical forms, lazy parts under slots.
#include <algorithm>
#include <unordered_map>

#include "arithmetic.hpp"
#include "cast.hpp"
#include "comparison.hpp"
#include "compiled.hpp"
#include "types.hpp"

namespace tajo::functions {

using Kind = Expression::Kind;
using Register = std::uint16_t;
using Slot = std::uint16_t;

namespace {

constexpr std::size_t kMaxRegisters = 60'000;

class Builder {
 public:
  Builder(Compiled& program, std::span<const Physical> inputs, Compiled::Options options)
      : program_(program), inputs_(inputs), options_(options) {}

  Register output(const ExpressionPtr& e) {
    if (e->kind == Kind::kColumn && !options_.flat) return column(e->column);
    return in_form(value(e, 0), e->physical, 0);
  }

 private:
  struct Known {
    ExpressionPtr expression;
    Slot slot;
    Register at;
  };

  Register new_register(Physical physical) {
    if (forms_.size() >= kMaxRegisters) throw Error(sqlstate::kStatementTooComplex, "expression is too large");
    forms_.push_back(physical);
    program_.registers = static_cast<std::uint16_t>(forms_.size());
    return static_cast<Register>(forms_.size() - 1);
  }
  Slot new_slot(Slot parent) {
    if (program_.slots >= kMaxRegisters) throw Error(sqlstate::kStatementTooComplex, "expression is too large");
    parents_.resize(program_.slots, 0);
    parents_.push_back(parent);
    return program_.slots++;
  }
  Step& add(Step::Op op, Physical physical, Slot slot, std::vector<Register> in) {
    Step step;
    step.op = op;
    step.slot = slot;
    step.physical = physical;
    step.in = std::move(in);
    step.out = new_register(physical);
    program_.steps.push_back(std::move(step));
    return program_.steps.back();
  }

  bool covers(Slot ancestor, Slot slot) const {
    while (slot != ancestor && slot != 0) slot = parents_[slot];
    return slot == ancestor;
  }

  /// The input column as it comes.
  Register column(std::uint32_t number) {
    TAJO_ASSERT(number < inputs_.size());
    const auto at = columns_.find(number);
    if (at != columns_.end()) return at->second;
    Step& step = add(Step::Op::kColumn, inputs_[number], 0, {});
    step.column = number;
    return columns_[number] = step.out;
  }
  Register loaded_column(std::uint32_t number) {
    const auto at = loads_.find(number);
    if (at != loads_.end()) return at->second;
    const Register raw = column(number);
    return loads_[number] = add(Step::Op::kLoad, inputs_[number], 0, {raw}).out;
  }

  /// The value of `e` for the rows of `slot`, flat or constant, in forms_[register].
  Register value(const ExpressionPtr& e, Slot slot) {
    if (e->kind == Kind::kColumn) return loaded_column(e->column);
    const std::uint64_t h = hash(*e);
    const auto [first, last] = known_.equal_range(h);
    const bool shared = !is_volatile(*e);
    for (auto at = first; shared && at != last; ++at)
      if (covers(at->second.slot, slot) && equal(*at->second.expression, *e)) return at->second.at;
    const Register at = compute(e, slot);
    if (shared) known_.emplace(h, Known{e, slot, at});
    return at;
  }

  Register compute(const ExpressionPtr& e, Slot slot) {
    std::uint32_t text_column = 0;
    if (options_.dictionary && is_dictionary_term(*e, inputs_, text_column)) return dictionary(e, text_column);
    switch (e->kind) {
      case Kind::kColumn: return loaded_column(e->column);
      case Kind::kConstant: {
        Step& step = add(Step::Op::kConstant, e->physical, 0, {});
        step.expression = e;
        return step.out;
      }
      case Kind::kCall: return call(e, slot);
      case Kind::kAnd:
      case Kind::kOr: return connective(e, slot);
      case Kind::kNot: return add(Step::Op::kNot, Physical::kBool, slot, {value(e->args[0], slot)}).out;
      case Kind::kIsNull: {
        const Expression& arg = *e->args[0];
        const Register at = arg.kind == Kind::kColumn ? column(arg.column) : value(e->args[0], slot);
        return add(Step::Op::kIsNull, Physical::kBool, slot, {at}).out;
      }
      case Kind::kCase: return choice(e, slot);
      case Kind::kCast: return cast(e, slot);
      case Kind::kCoalesce: return coalesce(e, slot);
      case Kind::kInList: return in_list(e, slot);
      case Kind::kNextRow: return add(Step::Op::kNextRow, Physical::kI64, slot, {}).out;
    }
    TAJO_ASSERT(!"expression outside its enumeration");
  }

  /// `at` in another physical form (integers only).
  Register in_form(Register at, Physical form, Slot slot) {
    if (forms_[at] == form) return at;
    const std::uint32_t key = (static_cast<std::uint32_t>(at) << 8) | static_cast<std::uint32_t>(form);
    const auto known = converted_.find(key);
    if (known != converted_.end() && covers(known->second.second, slot)) return known->second.first;
    const Register out = add(Step::Op::kConvert, form, slot, {at}).out;
    converted_[key] = {out, slot};
    return out;
  }

  Register kernel_step(const ExpressionPtr& e, Kernel kernel, Physical result, int flags, Slot slot,
                       std::vector<Register> in) {
    Step& step = add(Step::Op::kKernel, result, slot, std::move(in));
    step.kernel = kernel;
    step.flags = flags;
    step.expression = e;
    return step.out;
  }

  Register call(const ExpressionPtr& e, Slot slot) {
    std::vector<Register> in;
    for (const ExpressionPtr& arg : e->args) in.push_back(value(arg, slot));
    if (is_comparison(e->function) && in.size() == 2) {
      const ComparisonPlan plan = plan_comparison(e->function, e->args[0]->type, forms_[in[0]], forms_[in[1]]);
      for (Register& at : in) at = in_form(at, plan.operand, slot);
      return kernel_step(e, plan.kernel, Physical::kBool, plan.operand == Physical::kStr ? kPlain : kCheap, slot, std::move(in));
    }
    if (is_arithmetic(e->function) && e->type.is_numeric() && e->args[0]->type.is_numeric() &&
        e->args.back()->type.is_numeric()) {
      std::vector<Physical> operands;
      for (const Register at : in) operands.push_back(forms_[at]);
      const ArithmeticPlan plan = plan_arithmetic(*e, operands);
      TAJO_ASSERT(plan.kernel != nullptr);
      for (Register& at : in) at = in_form(at, plan.operand, slot);
      const int flags = arithmetic_can_fail(*e) || e->function == "/" || e->function == "%" ? kCanFail : kCheap;
      return in_form(kernel_step(e, plan.kernel, plan.result, flags, slot, std::move(in)), e->physical, slot);
    }
    const Function* f = bound_function(*e);
    TAJO_ASSERT(f != nullptr);
    for (std::size_t i = 0; i < in.size(); ++i)
      in[i] = in_form(in[i], parameter_physical(i < f->parameters.size() ? f->parameters[i] : f->parameters.back()), slot);
    const Physical result = e->type.id == TypeId::kDecimal ? Physical::kI128 : data::physical_of(e->type);
    const Register out = kernel_step(e, f->entry->kernel, result, f->entry->flags, slot, std::move(in));
    if (f->entry->prepare != nullptr) program_.steps.back().prepared = f->entry->prepare(*e);
    return in_form(out, e->physical, slot);
  }

  Register cast(const ExpressionPtr& e, Slot slot) {
    const ExpressionPtr& arg = e->args[0];
    Register at = value(arg, slot);
    if (is_exact(arg->type) && is_exact(e->type)) {
      const CastPlan plan = plan_exact_cast(arg->type, forms_[at], e->type, e->physical, e->bounds.proved);
      if (plan.kernel == nullptr) return in_form(at, e->physical, slot);
      at = in_form(at, plan.from, slot);
      return kernel_step(e, plan.kernel, plan.to, plan.can_fail ? kCanFail : kPlain, slot, {at});
    }
    const auto plan = plan_cast(arg->type, e->type);
    TAJO_ASSERT(plan.has_value());
    at = in_form(at, plan->from, slot);
    if (plan->kernel == nullptr) return at;
    return in_form(kernel_step(e, plan->kernel, plan->to, plan->can_fail ? kCanFail : kPlain, slot, {at}), e->physical, slot);
  }

  /// Arguments that may fail run only on rows the ones before them left open.
  Register connective(const ExpressionPtr& e, Slot slot) {
    std::vector<Register> in;
    std::vector<Slot> slots;
    Slot open = slot;
    for (std::size_t i = 0; i < e->args.size(); ++i) {
      if (i > 0 && can_fail(*e->args[i])) open = split(Step::Op::kSplitOpen, in.back(), open, e->kind == Kind::kOr).first;
      in.push_back(value(e->args[i], open));
      slots.push_back(open);
    }
    Step& step = add(Step::Op::kConnective, Physical::kBool, slot, std::move(in));
    step.slots = std::move(slots);
    step.negated = e->kind == Kind::kOr;
    return step.out;
  }

  std::pair<Slot, Slot> split(Step::Op op, Register condition, Slot slot, bool negated) {
    Step step;
    step.op = op;
    step.slot = slot;
    step.in = {condition};
    step.taken = new_slot(slot);
    step.rest = new_slot(slot);
    step.negated = negated;
    program_.steps.push_back(step);
    return {step.taken, step.rest};
  }

  Register merge(Physical form, Slot slot, std::vector<Register> in, std::vector<Slot> slots) {
    Step& step = add(Step::Op::kMerge, form, slot, std::move(in));
    step.slots = std::move(slots);
    return step.out;
  }

  /// A branch is computed for its own rows only; in_form of it, too.
  Register branch(const ExpressionPtr& e, Physical form, Slot slot) { return in_form(value(e, slot), form, slot); }

  Register choice(const ExpressionPtr& e, Slot slot) {
    std::vector<Register> in;
    std::vector<Slot> slots;
    Slot rest = slot;
    std::size_t i = 0;
    for (; i + 1 < e->args.size(); i += 2) {
      const auto [taken, others] = split(Step::Op::kSplit, value(e->args[i], rest), rest, false);
      in.push_back(branch(e->args[i + 1], e->physical, taken));
      slots.push_back(taken);
      rest = others;
    }
    const ExpressionPtr otherwise = i < e->args.size() ? e->args[i] : make_constant({}, e->type);
    in.push_back(branch(otherwise, e->physical, rest));
    slots.push_back(rest);
    return merge(e->physical, slot, std::move(in), std::move(slots));
  }

  Register coalesce(const ExpressionPtr& e, Slot slot) {
    std::vector<Register> in;
    std::vector<Slot> slots;
    Slot rest = slot;
    for (std::size_t i = 0; i + 1 < e->args.size(); ++i) {
      in.push_back(branch(e->args[i], e->physical, rest));
      const auto [taken, others] = split(Step::Op::kSplitValid, in.back(), rest, false);
      slots.push_back(taken);
      rest = others;
    }
    in.push_back(branch(e->args.back(), e->physical, rest));
    slots.push_back(rest);
    return merge(e->physical, slot, std::move(in), std::move(slots));
  }

  Register in_list(const ExpressionPtr& e, Slot slot) {
    const Register at = value(e->args[0], slot);
    InListPlan plan = plan_in_list(*e, forms_[at]);
    Step& step = add(Step::Op::kInList, Physical::kBool, slot, {});
    const std::size_t index = program_.steps.size() - 1;
    step.kernel = plan.kernel;
    step.prepared = std::move(plan.prepared);
    step.flags = kMayBeNull;
    step.expression = e;
    const Register out = step.out;
    if (forms_[at] == plan.operand) {
      program_.steps[index].in = {at};
      return out;
    }
    // The conversion must stand before its user.
    Step moved = std::move(program_.steps[index]);
    program_.steps.pop_back();
    moved.in = {in_form(at, plan.operand, slot)};
    program_.steps.push_back(std::move(moved));
    return out;
  }

  Register dictionary(const ExpressionPtr& e, std::uint32_t text_column) {
    const ExpressionPtr outputs[] = {e};
    const Register raw = column(text_column);
    Step& step = add(Step::Op::kDictionary, e->physical, 0, {raw});
    step.column = text_column;
    step.expression = e;
    step.sub = Compiled::make(outputs, inputs_, program_.settings, {.dictionary = false, .filter = false, .flat = false});
    return step.out;
  }

  Compiled& program_;
  std::span<const Physical> inputs_;
  Compiled::Options options_;
  std::vector<Physical> forms_;
  std::vector<Slot> parents_ = {0};
  std::unordered_map<std::uint32_t, Register> columns_;
  std::unordered_map<std::uint32_t, Register> loads_;
  std::unordered_map<std::uint32_t, std::pair<Register, Slot>> converted_;
  std::unordered_multimap<std::uint64_t, Known> known_;
};

}  // namespace

bool is_dictionary_term(const Expression& e, std::span<const Physical> inputs, std::uint32_t& column) {
  if (e.kind == Kind::kColumn || e.kind == Kind::kConstant || e.kind == Kind::kIsNull) return false;
  std::vector<std::uint32_t> columns;
  collect_columns(e, columns);
  if (columns.empty()) return false;
  for (const std::uint32_t c : columns)
    if (c != columns.front()) return false;
  column = columns.front();
  return column < inputs.size() && inputs[column] == Physical::kStr && !is_volatile(e) && !can_fail(e);
}

std::shared_ptr<const Compiled> Compiled::make(std::span<const ExpressionPtr> outputs, std::span<const Physical> inputs,
                                               const EvaluationSettings& settings, Options options) {
  auto program = std::make_shared<Compiled>();
  program->settings = settings;
  program->self = program;
  Builder builder(*program, inputs, options);
  for (const ExpressionPtr& e : outputs) program->output_registers.push_back(builder.output(e));
  if (options.filter && outputs.size() == 1 && outputs[0]->type.id == TypeId::kBool)
    program->conjuncts = make_conjuncts(outputs[0], inputs, settings);
  return program;
}

std::shared_ptr<const Program> Program::compile(std::span<const ExpressionPtr> outputs, std::span<const Physical> inputs,
                                                const EvaluationSettings& settings, bool flat) {
  return Compiled::make(outputs, inputs, settings, {.dictionary = true, .filter = !flat, .flat = flat});
}

}  // namespace tajo::functions
