// Filters: conjuncts in an adaptive order, on stored widths and dictionaries, as byte masks while many rows survive
// and through a selection when few do.
#include <algorithm>
#include <chrono>

#include "comparison.hpp"
#include "run_state.hpp"
#include "stored_compare.hpp"
#include "types.hpp"

namespace tajo::functions {

using Kind = Expression::Kind;

namespace {

constexpr std::uint32_t kFewShare = 8;          // under one row in eight the filter goes through a selection
constexpr std::uint32_t kReorderBatches = 16;   // the order of conjuncts is judged again this often
constexpr std::uint32_t kMeasureBatches = 4;    // and every so many batches are timed
constexpr double kForget = 0.75;                // weight of older measurements

bool integer_like(Physical p) { return p == Physical::kI32 || p == Physical::kI64 || p == Physical::kI128; }

constexpr __int128 kLowest = static_cast<__int128>(static_cast<unsigned __int128>(1) << 127);
constexpr __int128 kHighest = ~kLowest;

const Expression& without_plain_casts(const Expression& e) {
  const Expression* at = &e;
  while (at->kind == Kind::kCast && at->type.is_text() && at->type.length == 0 && at->type.id != TypeId::kChar &&
         at->args[0]->type.is_text())
    at = at->args[0].get();
  return *at;
}

/// `column op constant` over integers, dates, decimals: a range of stored values.
bool match_range(const Expression& e, std::span<const Physical> inputs, Conjunct& out) {
  if (e.kind != Kind::kCall || !is_comparison(e.function) || e.args.size() != 2) return false;
  const Expression& column = *e.args[0];
  const Expression& constant = *e.args[1];
  if (column.kind != Kind::kColumn || constant.kind != Kind::kConstant || data::is_null(constant.constant)) return false;
  if (!integer_like(inputs[column.column]) || column.type.is_float() || column.type.id == TypeId::kInterval) return false;
  if (column.type.scale != constant.type.scale) return false;
  const __int128 value = data::integer_value(constant.constant);
  out.column = column.column;
  out.lo = kLowest;
  out.hi = kHighest;
  if (e.function == "=" || e.function == "<>") out.lo = out.hi = value;
  if (e.function == "<") out.hi = value - 1;
  if (e.function == "<=") out.hi = value;
  if (e.function == ">") out.lo = value + 1;
  if (e.function == ">=") out.lo = value;
  out.negated = e.function == "<>";
  out.is_range = true;
  return true;
}

/// `column op column` of one type.
bool match_pair(const Expression& e, std::span<const Physical> inputs, Conjunct& out) {
  if (e.kind != Kind::kCall || !is_comparison(e.function) || e.args.size() != 2) return false;
  const Expression& a = *e.args[0];
  const Expression& b = *e.args[1];
  if (a.kind != Kind::kColumn || b.kind != Kind::kColumn || a.type.is_float() || a.type.scale != b.type.scale) return false;
  if (!integer_like(inputs[a.column]) || inputs[a.column] != inputs[b.column]) return false;
  const bool swap = e.function == ">" || e.function == ">=";
  out.column = swap ? b.column : a.column;
  out.other = swap ? a.column : b.column;
  out.op = e.function == "=" ? '=' : e.function == "<>" ? '!' : e.function.size() == 2 ? 'l' : '<';
  out.is_pair = true;
  return true;
}

}  // namespace

std::vector<Conjunct> make_conjuncts(const ExpressionPtr& predicate, std::span<const Physical> inputs,
                                     const EvaluationSettings& settings) {
  std::vector<Conjunct> out;
  const std::vector<ExpressionPtr> parts = predicate->kind == Kind::kAnd ? predicate->args : std::vector{predicate};
  for (const ExpressionPtr& e : parts) {
    Conjunct c;
    c.expression = e;
    c.can_fail = can_fail(*e);
    if (match_range(*e, inputs, c) && !c.negated) {
      const auto earlier = std::find_if(out.begin(), out.end(), [&](const Conjunct& o) {
        return o.is_range && !o.negated && o.column == c.column;
      });
      if (earlier != out.end()) {  // two bounds of one column are one test
        earlier->lo = std::max(earlier->lo, c.lo);
        earlier->hi = std::min(earlier->hi, c.hi);
        earlier->expression = make_and({earlier->expression, e});
        continue;
      }
    }
    if (!c.is_range && !match_pair(*e, inputs, c)) c.is_text = is_dictionary_term(without_plain_casts(*e), inputs, c.column);
    out.push_back(std::move(c));
  }
  for (Conjunct& c : out) {
    // A text term runs as one table per dictionary: its program must be plain. Others may hoist parts of themselves.
    c.program = Compiled::make({&c.expression, 1}, inputs, settings, {.dictionary = !c.is_text, .filter = false, .flat = false});
  }
  return out;
}

/// One filtering of one batch.
class FilterRun {
 public:
  FilterRun(RunState& state, const data::Batch& in) : state_(state), in_(in), program_(*state.program_) {
    mask_ = in.arena->array<std::uint8_t>(in.rows + kSlackRows);
    rows_ = in.arena->array<std::uint16_t>(in.rows + kSlackRows);
    alive_ = in.selection.count;
    if (in.selection.rows == nullptr) {
      std::memset(mask_, 1, alive_);
      std::memset(mask_ + alive_, 0, in.rows - alive_);
      as_mask_ = true;
    } else if (alive_ * kFewShare < in.rows) {
      current_ = in.selection;
    } else {
      selection_to_mask(in.selection, mask_, in.rows);
      as_mask_ = true;
    }
  }

  Selection run() {
    const bool measure = state_.batches_ % kMeasureBatches == 0;
    for (const std::uint16_t index : state_.order_) {
      if (alive_ == 0) break;
      const std::uint32_t before = alive_;
      const auto start = measure ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
      test(program_.conjuncts[index], state_.conjuncts_[index]);
      if (measure) {
        const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
        ConjunctState& s = state_.conjuncts_[index];
        s.rows_in = s.rows_in * kForget + before;
        s.rows_out = s.rows_out * kForget + alive_;
        s.time_ns = s.time_ns * kForget + time.count();
      }
      if (as_mask_ && alive_ * kFewShare < in_.rows) leave_mask();
    }
    if (++state_.batches_ % kReorderBatches == 0) reorder();
    if (alive_ == 0) return {rows_, 0};
    if (as_mask_) {
      if (alive_ == in_.rows) return {nullptr, in_.rows};
      leave_mask();
    }
    return current_;
  }

 private:
  void leave_mask() {
    if (!as_mask_) return;
    if (alive_ == in_.rows) {
      current_ = {nullptr, in_.rows};
    } else {
      const std::uint32_t n = mask_to_selection(mask_, in_.rows, rows_);
      TAJO_ASSERT(n == alive_);
      current_ = {rows_, n};
    }
    as_mask_ = false;
  }
  void counted() { alive_ = count_mask(mask_, in_.rows); }
  void selected(std::uint32_t n) {
    current_ = {rows_, n};
    alive_ = n;
  }

  void test(const Conjunct& c, ConjunctState& s) {
    if (c.is_range && range(in_.columns[c.column], {c.lo, c.hi, c.negated})) return;
    if (c.is_pair && as_mask_ && pair_mask(in_.columns[c.column], in_.columns[c.other], c.op, mask_, in_.rows)) return counted();
    if (c.is_text && text(c, s)) return;
    general(c, s);
  }

  bool range(const Vector& v, const RangeTest& test) {
    if (as_mask_) {
      if (!range_mask(v, test, mask_, in_.rows)) return false;
      counted();
      return true;
    }
    const std::int64_t n = range_select(v, test, current_, rows_);
    if (n < 0) return false;
    selected(static_cast<std::uint32_t>(n));
    return true;
  }

  bool text(const Conjunct& c, ConjunctState& s) {
    const Vector& v = in_.columns[c.column];
    const DictionaryResult* table = s.dictionary.find(*c.program, c.column, v, Physical::kBool);
    if (table == nullptr) return false;
    if (table->contiguous && !table->null_is_true)
      return range(v, {table->first, table->first > table->last ? -1 : static_cast<__int128>(table->last), false});
    const auto entries = static_cast<std::uint32_t>(v.dictionary->values.size());
    if (mapped_.size() < entries + 1) mapped_.resize(entries + 1);
    const auto* values = table->values.as<std::uint8_t>();
    const std::uint8_t* bytes = values;
    if (table->values.valid != nullptr) {
      for (std::uint32_t i = 0; i <= entries; ++i) mapped_[i] = data::row_valid(table->values.valid, i) && values[i] != 0;
      bytes = mapped_.data();
    }
    if (as_mask_) {
      table_mask(v, bytes, entries, mask_, in_.rows);
      counted();
    } else {
      selected(table_select(v, bytes, entries, current_, rows_));
    }
    return true;
  }

  void general(const Conjunct& c, ConjunctState& s) {
    if (!s.general) s.general = std::make_unique<RunState>(c.program);
    const bool was_mask = as_mask_;
    leave_mask();
    s.general->execute(in_.columns, in_.rows, current_, *in_.arena, in_.first_row_id);
    const Vector& result = s.general->output(0);
    const Vector flat = data::load(result, in_.rows, current_, *in_.arena);
    const auto* values = flat.as<std::uint8_t>();
    if (flat.form == Vector::Form::kConstant) {
      const bool pass = data::row_valid(flat.valid, 0) && values[0] != 0;
      if (!pass) selected(0);
      as_mask_ = was_mask && pass && restore_mask();
      return;
    }
    if (current_.rows == nullptr) {
      and_masks(mask_, values, in_.rows);
      if (flat.valid != nullptr) and_bits(mask_, flat.valid, in_.rows);
      as_mask_ = true;
      counted();
      return;
    }
    std::uint32_t n = 0;
    for (std::uint32_t i = 0; i < current_.count; ++i) {
      const std::uint16_t row = current_.rows[i];
      rows_[n] = row;
      n += data::row_valid(flat.valid, row) && values[row] != 0 ? 1 : 0;
    }
    selected(n);
    as_mask_ = was_mask && alive_ * kFewShare >= in_.rows && restore_mask();
  }
  bool restore_mask() {
    selection_to_mask(current_, mask_, in_.rows);
    return true;
  }

  /// Cheapest per dropped row first; one that may fail never before one written ahead of it.
  void reorder() {
    const auto cost = [&](std::uint16_t i) {
      const ConjunctState& s = state_.conjuncts_[i];
      const double dropped = std::max(s.rows_in - s.rows_out, s.rows_in * 1e-3);
      return s.time_ns / dropped;
    };
    std::vector<std::uint16_t> left(state_.order_.size());
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = static_cast<std::uint16_t>(i);
    std::vector<std::uint16_t> order;
    while (!left.empty()) {
      auto best = left.end();
      for (auto at = left.begin(); at != left.end(); ++at) {
        const bool allowed = !program_.conjuncts[*at].can_fail || at == left.begin();
        if (allowed && (best == left.end() || cost(*at) < cost(*best))) best = at;
      }
      order.push_back(*best);
      left.erase(best);
    }
    state_.order_ = std::move(order);
  }

  RunState& state_;
  const data::Batch& in_;
  const Compiled& program_;
  std::uint8_t* mask_ = nullptr;
  std::uint16_t* rows_ = nullptr;
  Selection current_;
  std::uint32_t alive_ = 0;
  bool as_mask_ = false;
  std::vector<std::uint8_t> mapped_;
};

Selection RunState::filter(const data::Batch& in) {
  TAJO_ASSERT(in.arena != nullptr && !program_->conjuncts.empty());
  if (in.selection.count == 0) return in.selection;
  return FilterRun(*this, in).run();
}

}  // namespace tajo::functions
