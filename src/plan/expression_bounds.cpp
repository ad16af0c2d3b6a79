#include "lower.hpp"
#include "tajo/functions/bounds.hpp"

namespace tajo::plan {

ExpressionPtr narrow(const ExpressionPtr& e, const std::vector<PhysicalColumn>& input) {
  std::vector<data::Bounds> columns;
  columns.reserve(input.size());
  for (const PhysicalColumn& c : input) columns.push_back(c.bounds);
  return functions::narrow(e, columns);
}

data::Physical wider(data::Physical a, data::Physical b) { return static_cast<int>(a) >= static_cast<int>(b) ? a : b; }

ExpressionPtr widen(const ExpressionPtr& e, data::Physical physical) {
  if (e->physical == physical) return e;
  auto cast = std::make_shared<Expression>();
  cast->kind = Expression::Kind::kCast;
  cast->type = e->type;
  cast->physical = physical;
  cast->bounds = e->bounds;
  cast->args = {e};
  return cast;
}

void align(ExpressionPtr& a, ExpressionPtr& b) {
  const data::Physical p = wider(a->physical, b->physical);
  a = widen(a, p);
  b = widen(b, p);
}

}  // namespace tajo::plan
