#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tajo/data/type.hpp"
#include "tajo/data/value.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::functions {

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

/// A bound, typed scalar expression. Immutable and shared; made by the binder, rewritten by plan rules, evaluated by
/// Program. In logical plans `column` is a query-wide column id; in physical plans the position in the input batch.
struct Expression {
  enum class Kind : std::uint8_t {
    kColumn,    ///< column
    kConstant,  ///< constant
    kCall,      ///< function(args): operators are functions too: "+", "=", "like", "substr", "date_part" …
    kAnd, kOr,  ///< n-ary, three-valued
    kNot,
    kIsNull,    ///< args[0] IS NULL; NOT around it for IS NOT NULL
    kCase,      ///< args: when1, then1, …, [else]; searched form only (the binder rewrites the simple one)
    kCast,      ///< args[0] to `type`; errors 22003/22P02
    kCoalesce,
    kInList,    ///< args[0] IN (args[1..]), constants of args[0]'s type
    kNextRow,   ///< no arguments: number of the row in the task, for volatile functions' seeds
  };
  Kind kind = Kind::kConstant;
  data::Type type;
  data::Physical physical = data::Physical::kI32;  ///< physical_of(type) unless proved bounds narrowed it
  data::Bounds bounds;                             ///< meaningful when bounds.proved
  std::uint32_t column = 0;
  data::Value constant;
  std::string function;             ///< lower case, canonical
  std::vector<ExpressionPtr> args;
  int position = 0;                 ///< 1-based character in the statement, for errors; 0 = unknown
};

ExpressionPtr make_column(std::uint32_t column, data::Type type, data::Physical physical);
ExpressionPtr make_constant(data::Value value, data::Type type);
/// Resolves overloads, inserts casts, types the result (DECIMAL rules: docs/decimal.md). Error 42883 names the
/// argument types as PostgreSQL does. Operators go by their symbols ("+", "=", "<>", "||", "~", "like", "ilike", with a
/// "not " or "!" in front negated); calls of constants come back as constants where that raises no error.
ExpressionPtr make_call(const std::string& function, std::vector<ExpressionPtr> args, int position = 0);
ExpressionPtr make_cast(ExpressionPtr arg, data::Type type, int position = 0);
/// The cast of INSERT and COPY: as make_cast, but text too long for CHAR(n)/VARCHAR(n) is Error 22001, not cut.
ExpressionPtr make_assignment_cast(ExpressionPtr arg, data::Type type, int position = 0);
ExpressionPtr make_and(std::vector<ExpressionPtr> args);  ///< flattens; empty = TRUE
ExpressionPtr make_or(std::vector<ExpressionPtr> args);
ExpressionPtr make_not(ExpressionPtr arg);
ExpressionPtr make_is_null(ExpressionPtr arg);
ExpressionPtr make_case(std::vector<ExpressionPtr> args);  ///< unifies result types
ExpressionPtr make_coalesce(std::vector<ExpressionPtr> args);
ExpressionPtr make_in_list(std::vector<ExpressionPtr> args);

/// The type both sides of a comparison, set operation, CASE … are cast to; Error 42804 when there is none.
data::Type common_type(const data::Type& a, const data::Type& b);

/// Structural equality and hash (positions ignored).
bool equal(const Expression& a, const Expression& b);
std::uint64_t hash(const Expression& e);
/// Whether evaluation may raise an Error for some row; such a term must not run on rows a condition excludes.
bool can_fail(const Expression& e);
bool is_volatile(const Expression& e);    ///< random() and the like
bool is_constant(const Expression& e);    ///< no column, nothing volatile
/// All column numbers in it, appended.
void collect_columns(const Expression& e, std::vector<std::uint32_t>& out);
/// Rewrites bottom-up: `f` returns a replacement or nullptr to keep.
template <class F>
ExpressionPtr transform(const ExpressionPtr& e, F&& f);
/// SQL-like text for EXPLAIN; `name(column)` gives a column's name.
std::string to_string(const Expression& e, const std::vector<std::string>* names = nullptr);

/// Evaluates a constant expression (folding, defaults, parameters). Errors as at run time.
data::Value evaluate_constant(const Expression& e);
struct EvaluationSettings;
data::Value evaluate_constant(const Expression& e, const EvaluationSettings& settings);  ///< with now() and the like

template <class F>
ExpressionPtr transform(const ExpressionPtr& e, F&& f) {
  std::shared_ptr<Expression> copy;
  for (std::size_t i = 0; i < e->args.size(); ++i) {
    ExpressionPtr arg = transform(e->args[i], f);
    if (arg == e->args[i]) continue;
    if (!copy) copy = std::make_shared<Expression>(*e);
    copy->args[i] = std::move(arg);
  }
  ExpressionPtr rebuilt = copy ? ExpressionPtr(copy) : e;
  ExpressionPtr replaced = f(rebuilt);
  return replaced ? replaced : rebuilt;
}

}  // namespace tajo::functions
