// Runs the steps of a program over a batch.
#include <algorithm>
#include <cstring>

#include "run_state.hpp"
#include "tajo/common/random.hpp"

namespace tajo::functions {

using Form = Vector::Form;

namespace {

bool constant_null(const Vector& v) { return v.form == Form::kConstant && !data::row_valid(v.valid, 0); }

Vector flat(Physical type, const void* data, const std::uint64_t* valid) {
  Vector out;
  out.type = type;
  out.data = data;
  out.valid = valid;
  return out;
}

template <class From, class To>
void convert_values(const Vector& in, void* out, const Selection& selection) {
  const From* from = in.as<From>();
  auto* to = static_cast<To*>(out);
  for_rows(selection, [&](std::uint32_t row) { to[row] = static_cast<To>(from[row]); });
}

template <class From>
void convert_from(const Vector& in, Physical to, void* out, const Selection& selection) {
  switch (to) {
    case Physical::kI32: return convert_values<From, std::int32_t>(in, out, selection);
    case Physical::kI64: return convert_values<From, std::int64_t>(in, out, selection);
    case Physical::kI128: return convert_values<From, __int128>(in, out, selection);
    default: TAJO_ASSERT(!"only integers change their width");
  }
}

}  // namespace

RunState::RunState(std::shared_ptr<const Compiled> program)
    : program_(std::move(program)),
      registers_(program_->registers),
      slots_(program_->slots),
      dictionaries_(program_->steps.size()),
      constants_(std::make_unique<data::Arena>()) {
  for (const Step& s : program_->steps)
    if (s.op == Step::Op::kConstant)
      registers_[s.out] = data::constant_vector(s.expression->constant, s.physical, *constants_);
  conjuncts_.resize(program_->conjuncts.size());
  for (std::size_t i = 0; i < conjuncts_.size(); ++i) order_.push_back(static_cast<std::uint16_t>(i));
}

RunState::~RunState() = default;

std::unique_ptr<Program::State> Compiled::state() const { return std::make_unique<RunState>(self.lock()); }

void RunState::run(const data::Batch& in, std::span<Vector> out) {
  TAJO_ASSERT(out.size() == program_->output_registers.size());
  TAJO_ASSERT(in.arena != nullptr);
  execute(in.columns, in.rows, in.selection, *in.arena, in.first_row_id);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = output(i);
}

void RunState::execute(std::span<const Vector> columns, std::uint32_t rows, const Selection& selection,
                       data::Arena& arena, std::uint64_t first_row_id) {
  columns_ = columns;
  rows_ = rows;
  arena_ = &arena;
  first_row_id_ = first_row_id;
  slots_[0] = selection;
  for (std::size_t i = 0; i < program_->steps.size(); ++i) {
    const Step& s = program_->steps[i];
    if (s.op == Step::Op::kDictionary) dictionary(s, i);
    else step(s);
  }
}

std::uint64_t* RunState::all_valid() {
  const std::size_t words = (rows_ + 63) / 64;
  auto* valid = arena_->array<std::uint64_t>(words + 1);
  std::memset(valid, 0xFF, words * 8);
  return valid;
}

void RunState::set_null_constant(const Step& s) {
  static const std::uint64_t kNoBits[2] = {0, 0};
  alignas(16) static const std::byte kZero[16] = {};
  registers_[s.out] = flat(s.physical, kZero, kNoBits);
  registers_[s.out].form = Form::kConstant;
}

void RunState::step(const Step& s) {
  switch (s.op) {
    case Step::Op::kColumn:
      registers_[s.out] = columns_[s.column];
      TAJO_ASSERT(registers_[s.out].type == s.physical);
      return;
    case Step::Op::kLoad: registers_[s.out] = data::load(registers_[s.in[0]], rows_, slots_[s.slot], *arena_); return;
    case Step::Op::kConstant: return;
    case Step::Op::kSplit:
    case Step::Op::kSplitValid:
    case Step::Op::kSplitOpen: return split(s);
    default: break;
  }
  if (slots_[s.slot].count == 0) return set_null_constant(s);
  switch (s.op) {
    case Step::Op::kKernel:
    case Step::Op::kInList: return run_kernel_step(s);
    case Step::Op::kConvert: return convert(s);
    case Step::Op::kConnective: return connective(s);
    case Step::Op::kNot: return negate(s);
    case Step::Op::kIsNull: return is_null(s);
    case Step::Op::kMerge: return merge(s);
    case Step::Op::kNextRow: return next_row(s);
    default: TAJO_ASSERT(!"step outside its enumeration");
  }
}

void RunState::run_kernel_step(const Step& s) {
  constexpr std::size_t kInlineArguments = 8;
  std::array<Vector, kInlineArguments> few;
  std::vector<Vector> many;
  std::span<Vector> in;
  if (s.in.size() <= kInlineArguments) {
    in = std::span(few.data(), s.in.size());
  } else {
    many.resize(s.in.size());
    in = many;
  }
  bool constant = (s.flags & kVolatile) == 0;
  for (std::size_t i = 0; i < s.in.size(); ++i) {
    in[i] = registers_[s.in[i]];
    constant = constant && in[i].form == Form::kConstant;
  }
  Selection selection = slots_[s.slot];
  const std::uint32_t saved_rows = rows_;
  if (constant) {
    rows_ = 1;
    selection = {nullptr, 1};
  }
  const std::uint64_t* valid = nullptr;
  std::uint64_t* own_valid = nullptr;
  bool dropped = false;
  if ((s.flags & kNotStrict) == 0) {
    for (const Vector& v : in) {
      if (constant_null(v)) {
        rows_ = saved_rows;
        return set_null_constant(s);
      }
      if (v.valid == nullptr || v.form == Form::kConstant) continue;
      if (valid == nullptr) {
        valid = v.valid;
      } else if (v.valid != valid) {
        if (own_valid == nullptr) {
          own_valid = all_valid();
          std::memcpy(own_valid, valid, (rows_ + 63) / 64 * 8);
          valid = own_valid;
        }
        for (std::uint32_t w = 0; w < (rows_ + 63) / 64; ++w) own_valid[w] &= v.valid[w];
      }
    }
    if (valid != nullptr && (s.flags & kCheap) == 0) {
      auto* rows = arena_->array<std::uint16_t>(selection.count);
      std::uint32_t n = 0;
      for_rows(selection, [&](std::uint32_t row) {
        rows[n] = static_cast<std::uint16_t>(row);
        n += data::row_valid(valid, row);
      });
      if (n < selection.count) {
        selection = {rows, n};
        dropped = true;
      }
    }
  }
  if ((s.flags & (kMayBeNull | kNotStrict)) != 0 && own_valid == nullptr) {
    own_valid = all_valid();
    if (valid != nullptr) std::memcpy(own_valid, valid, (rows_ + 63) / 64 * 8);
    valid = own_valid;
  }
  void* out = allocate(s.physical);
  if (dropped) std::memset(out, 0, std::size_t{rows_} * data::physical_width(s.physical));
  KernelCall call{in,    *s.expression, selection,        rows_,           out,
                  own_valid, *arena_, program_->settings, s.prepared.get(), first_row_id_};
  s.kernel(call);
  registers_[s.out] = flat(s.physical, out, valid);
  if (constant) {
    registers_[s.out].form = Form::kConstant;
    rows_ = saved_rows;
  }
}

void RunState::convert(const Step& s) {
  const Vector& in = registers_[s.in[0]];
  const bool constant = in.form == Form::kConstant;
  void* out = constant ? arena_->allocate(16, 16) : allocate(s.physical);
  const Selection selection = constant ? Selection{nullptr, 1} : slots_[s.slot];
  switch (in.type) {
    case Physical::kI32: convert_from<std::int32_t>(in, s.physical, out, selection); break;
    case Physical::kI64: convert_from<std::int64_t>(in, s.physical, out, selection); break;
    case Physical::kI128: convert_from<__int128>(in, s.physical, out, selection); break;
    default: TAJO_ASSERT(!"only integers change their width");
  }
  registers_[s.out] = flat(s.physical, out, in.valid);
  registers_[s.out].form = in.form;
}

void RunState::connective(const Step& s) {
  const bool is_or = s.negated;
  auto* out = static_cast<std::uint8_t*>(allocate(Physical::kBool));
  const Selection& all = slots_[s.slot];
  const auto deciding = static_cast<std::uint8_t>(is_or ? 1 : 0);
  bool nullable = false;
  bool same_slot = true;
  for (std::size_t i = 0; i < s.in.size(); ++i) {
    nullable = nullable || registers_[s.in[i]].valid != nullptr;
    same_slot = same_slot && s.slots[i] == s.slot;
  }
  std::memset(out, is_or ? 0 : 1, rows_);
  if (!nullable && same_slot) {
    for (const std::uint16_t at : s.in) {
      const Vector& v = registers_[at];
      const auto* values = v.as<std::uint8_t>();
      if (v.form == Form::kConstant) {
        if (values[0] == deciding) std::memset(out, deciding, rows_);
      } else if (is_or) {
        for_rows(all, [&](std::uint32_t row) { out[row] |= values[row]; });
      } else {
        for_rows(all, [&](std::uint32_t row) { out[row] &= values[row]; });
      }
    }
    registers_[s.out] = flat(Physical::kBool, out, nullptr);
    return;
  }
  std::uint64_t* valid = all_valid();
  for (std::size_t i = 0; i < s.in.size(); ++i) {
    const Vector& v = registers_[s.in[i]];
    const auto* values = v.as<std::uint8_t>();
    const std::uint32_t stride = v.form == Form::kConstant ? 0 : 1;
    for_rows(slots_[s.slots[i]], [&](std::uint32_t row) {
      const std::uint64_t bit = std::uint64_t{1} << (row & 63);
      const bool decided = out[row] == deciding && (valid[row >> 6] & bit) != 0;
      if (decided) return;
      if (!data::row_valid(v.valid, row * stride)) {
        valid[row >> 6] &= ~bit;
      } else if (values[row * stride] == deciding) {
        out[row] = deciding;
        valid[row >> 6] |= bit;
      }
    });
  }
  registers_[s.out] = flat(Physical::kBool, out, valid);
}

void RunState::negate(const Step& s) {
  const Vector& in = registers_[s.in[0]];
  const auto* values = in.as<std::uint8_t>();
  auto* out = static_cast<std::uint8_t*>(allocate(Physical::kBool));
  if (in.form == Form::kConstant) out[0] = values[0] == 0;
  else for_rows(slots_[s.slot], [&](std::uint32_t row) { out[row] = values[row] == 0; });
  registers_[s.out] = flat(Physical::kBool, out, in.valid);
  registers_[s.out].form = in.form;
}

void RunState::is_null(const Step& s) {
  const Vector& in = registers_[s.in[0]];
  auto* out = static_cast<std::uint8_t*>(allocate(Physical::kBool));
  if (in.form == Form::kConstant) {
    out[0] = !data::row_valid(in.valid, 0);
    registers_[s.out] = flat(Physical::kBool, out, nullptr);
    registers_[s.out].form = Form::kConstant;
    return;
  }
  const std::uint64_t* valid = data::load_valid(in, rows_, *arena_);
  if (valid == nullptr) std::memset(out, 0, rows_);
  else for_rows(slots_[s.slot], [&](std::uint32_t row) { out[row] = !data::row_valid(valid, row); });
  registers_[s.out] = flat(Physical::kBool, out, nullptr);
}

void RunState::split(const Step& s) {
  const Selection all = slots_[s.slot];
  const Vector& in = registers_[s.in[0]];
  auto* taken = arena_->array<std::uint16_t>(all.count + kSlackRows);
  auto* rest = arena_->array<std::uint16_t>(all.count + kSlackRows);
  if (s.op == Step::Op::kSplit && all.rows == nullptr && in.form == Form::kFlat && all.count > 0) {
    const std::uint32_t rows = all.count;
    auto* mask = arena_->array<std::uint8_t>(rows);
    std::memcpy(mask, in.data, rows);
    if (in.valid != nullptr) and_bits(mask, in.valid, rows);
    const std::uint32_t yes = mask_to_selection(mask, rows, taken);
    for (std::uint32_t i = 0; i < rows; ++i) mask[i] ^= 1;
    mask_to_selection(mask, rows, rest);
    slots_[s.taken] = yes == rows ? all : Selection{taken, yes};
    slots_[s.rest] = yes == 0 ? all : Selection{rest, rows - yes};
    return;
  }
  std::uint32_t taken_count = 0;
  std::uint32_t rest_count = 0;
  const auto* values = in.as<std::uint8_t>();
  const std::uint32_t stride = in.form == Form::kConstant ? 0 : 1;
  const auto deal = [&](auto&& test) {
    for_rows(all, [&](std::uint32_t row) {
      const bool yes = test(row * stride);
      taken[taken_count] = static_cast<std::uint16_t>(row);
      rest[rest_count] = static_cast<std::uint16_t>(row);
      taken_count += yes ? 1 : 0;
      rest_count += yes ? 0 : 1;
    });
  };
  if (all.count > 0) {
    switch (s.op) {
      case Step::Op::kSplit: deal([&](std::uint32_t row) { return data::row_valid(in.valid, row) && values[row] != 0; }); break;
      case Step::Op::kSplitValid: deal([&](std::uint32_t row) { return data::row_valid(in.valid, row); }); break;
      default: {
        const auto deciding = static_cast<std::uint8_t>(s.negated ? 1 : 0);
        deal([&](std::uint32_t row) { return !data::row_valid(in.valid, row) || values[row] != deciding; });
      }
    }
  }
  slots_[s.taken] = taken_count == all.count ? all : Selection{taken, taken_count};
  slots_[s.rest] = rest_count == all.count ? all : Selection{rest, rest_count};
}

namespace {

template <class T>
void merge_values(const Vector& in, void* out, const Selection& selection) {
  const T* from = in.as<T>();
  auto* to = static_cast<T*>(out);
  if (in.form == Form::kConstant) {
    const T value = from[0];
    for_rows(selection, [&](std::uint32_t row) { to[row] = value; });
  } else {
    for_rows(selection, [&](std::uint32_t row) { to[row] = from[row]; });
  }
}

}  // namespace

void RunState::merge(const Step& s) {
  const Selection& all = slots_[s.slot];
  bool nullable = false;
  for (std::size_t i = 0; i < s.in.size(); ++i) {
    const Selection& part = slots_[s.slots[i]];
    if (part.count == all.count) {  // one branch took every row
      registers_[s.out] = registers_[s.in[i]];
      return;
    }
    nullable = nullable || (part.count > 0 && registers_[s.in[i]].valid != nullptr);
  }
  void* out = allocate(s.physical);
  std::uint64_t* valid = nullable ? all_valid() : nullptr;
  for (std::size_t i = 0; i < s.in.size(); ++i) {
    const Vector& in = registers_[s.in[i]];
    const Selection& part = slots_[s.slots[i]];
    if (part.count == 0) continue;
    switch (s.physical) {
      case Physical::kBool: merge_values<std::uint8_t>(in, out, part); break;
      case Physical::kI32: merge_values<std::int32_t>(in, out, part); break;
      case Physical::kI64: merge_values<std::int64_t>(in, out, part); break;
      case Physical::kI128: merge_values<__int128>(in, out, part); break;
      case Physical::kF32: merge_values<float>(in, out, part); break;
      case Physical::kF64: merge_values<double>(in, out, part); break;
      case Physical::kStr: merge_values<Str>(in, out, part); break;
    }
    if (in.valid == nullptr) continue;
    const std::uint32_t stride = in.form == Form::kConstant ? 0 : 1;
    for_rows(part, [&](std::uint32_t row) {
      if (!data::row_valid(in.valid, row * stride)) valid[row >> 6] &= ~(std::uint64_t{1} << (row & 63));
    });
  }
  registers_[s.out] = flat(s.physical, out, valid);
}

void RunState::next_row(const Step& s) {
  auto* out = static_cast<std::int64_t*>(allocate(Physical::kI64));
  for_rows(slots_[s.slot], [&](std::uint32_t row) { out[row] = static_cast<std::int64_t>(first_row_id_ + row); });
  registers_[s.out] = flat(Physical::kI64, out, nullptr);
}

void RunState::dictionary(const Step& s, std::size_t index) {
  if (slots_[s.slot].count == 0) return set_null_constant(s);
  if (!dictionaries_[index]) dictionaries_[index] = std::make_unique<DictionaryCache>();
  const Vector& in = registers_[s.in[0]];
  const DictionaryResult* table = dictionaries_[index]->find(*s.sub, s.column, in, s.physical);
  if (table == nullptr) {
    // No dictionary here: the term runs over the rows.
    RunState& term = dictionaries_[index]->state(*s.sub);
    term.execute(columns_, rows_, slots_[s.slot], *arena_, first_row_id_);
    registers_[s.out] = term.output(0);
    return;
  }
  const std::uint64_t* valid = nullptr;
  const std::uint32_t* codes = data::load_codes(in, rows_, slots_[s.slot], *arena_, valid);
  const auto null_code = static_cast<std::uint32_t>(in.dictionary->values.size());
  if (valid != nullptr) {
    auto* mapped = const_cast<std::uint32_t*>(codes);  // load_codes gave us a fresh array
    for_rows(slots_[s.slot], [&](std::uint32_t row) {
      if (!data::row_valid(valid, row)) mapped[row] = null_code;
    });
  }
  void* out = allocate(s.physical);
  const auto map = [&]<class T>(const T* entries) {
    auto* to = static_cast<T*>(out);
    for_rows(slots_[s.slot], [&](std::uint32_t row) { to[row] = entries[codes[row]]; });
  };
  switch (s.physical) {
    case Physical::kBool: map(table->values.as<std::uint8_t>()); break;
    case Physical::kI32: map(table->values.as<std::int32_t>()); break;
    case Physical::kI64: map(table->values.as<std::int64_t>()); break;
    case Physical::kI128: map(table->values.as<__int128>()); break;
    case Physical::kF32: map(table->values.as<float>()); break;
    case Physical::kF64: map(table->values.as<double>()); break;
    case Physical::kStr: map(table->values.as<Str>()); break;
  }
  std::uint64_t* out_valid = nullptr;
  if (table->values.valid != nullptr) {
    out_valid = all_valid();
    for_rows(slots_[s.slot], [&](std::uint32_t row) {
      if (!data::row_valid(table->values.valid, codes[row])) out_valid[row >> 6] &= ~(std::uint64_t{1} << (row & 63));
    });
  }
  registers_[s.out] = flat(s.physical, out, out_valid);
}

const DictionaryResult* DictionaryCache::find(const Compiled& term, std::uint32_t column, const Vector& in, Physical result) {
  const bool coded = in.form == Form::kCodes || in.form == Form::kStored;
  if (!coded || in.dictionary == nullptr || in.dictionary->id == 0 ||
      in.dictionary->values.size() > kMaxDictionaryEntries)
    return nullptr;
  for (const DictionaryResult& entry : entries_)
    if (entry.dictionary == in.dictionary->id) return &entry;
  state(term);
  DictionaryResult& entry = entries_[next_++ % kCachedDictionaries];
  entry = DictionaryResult{};
  entry.arena = std::make_unique<data::Arena>();
  fill(entry, column, *in.dictionary, result);
  entry.owner = in.dictionary->owner;
  entry.dictionary = in.dictionary->id;
  return &entry;
}

RunState& DictionaryCache::state(const Compiled& term) {
  if (!state_) state_ = std::make_unique<RunState>(term.self.lock());
  return *state_;
}

void DictionaryCache::fill(DictionaryResult& entry, std::uint32_t column, const data::Dictionary& dictionary,
                           Physical result) {
  const auto size = static_cast<std::uint32_t>(dictionary.values.size());
  const std::uint32_t total = size + 1;
  const std::size_t width = data::physical_width(result);
  auto* values = static_cast<std::byte*>(entry.arena->allocate(total * width, 64));
  auto* valid = data::allocate_valid(*entry.arena, total);
  bool nullable = false;
  std::vector<Vector> columns(column + 1);
  data::Arena scratch;
  for (std::uint32_t base = 0; base < total; base += data::kVectorRows) {
    const std::uint32_t n = std::min(data::kVectorRows, total - base);
    auto* strings = scratch.array<Str>(n);
    std::uint64_t* in_valid = nullptr;
    for (std::uint32_t i = 0; i < n; ++i) strings[i] = base + i < size ? dictionary.values[base + i] : Str();
    if (base + n == total) {  // the row after the last entry stands for NULL
      in_valid = data::allocate_valid(scratch, n);
      for (std::uint32_t i = 0; i + 1 < n; ++i) in_valid[i >> 6] |= std::uint64_t{1} << (i & 63);
    }
    columns[column] = flat(Physical::kStr, strings, in_valid);
    // Results may point into the arena they are made in (text), so it is the entry's own.
    state_->execute(columns, n, {nullptr, n}, *entry.arena, 0);
    const Vector& out = state_->output(0);
    const bool constant = out.form == Form::kConstant;
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t from = constant ? 0 : i;
      std::memcpy(values + (base + i) * width, static_cast<const std::byte*>(out.data) + from * width, width);
      if (data::row_valid(out.valid, from)) valid[(base + i) >> 6] |= std::uint64_t{1} << ((base + i) & 63);
      else nullable = true;
    }
  }
  entry.values = flat(result, values, nullable ? valid : nullptr);
  if (result != Physical::kBool) return;
  const auto is_true = [&](std::uint32_t i) { return data::row_valid(valid, i) && values[i] != std::byte{0}; };
  entry.null_is_true = is_true(size);
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < size; ++i) {
    if (!is_true(i)) continue;
    if (count++ == 0) entry.first = i;
    entry.last = i;
  }
  if (count == 0) entry.first = 1, entry.last = 0;
  entry.contiguous = count == 0 || count == entry.last - entry.first + 1;
}

Vector flatten(const Vector& in, std::uint32_t rows, const Selection& selection, data::Arena& arena) {
  return data::load(in, rows, selection, arena);
}

data::Value evaluate_constant(const Expression& e) {
  const EvaluationSettings settings;
  return evaluate_constant(e, settings);
}

data::Value evaluate_constant(const Expression& e, const EvaluationSettings& settings) {
  if (e.kind == Expression::Kind::kConstant) return e.constant;
  const ExpressionPtr output = std::make_shared<Expression>(e);
  const auto program = Compiled::make({&output, 1}, {}, settings, {.dictionary = false, .filter = false, .flat = false});
  RunState state(program);
  data::Arena arena;
  state.execute({}, 1, {nullptr, 1}, arena, 0);
  return data::value_at(state.output(0), 0, e.type);
}

}  // namespace tajo::functions
