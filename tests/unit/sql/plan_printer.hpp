#pragma once
#include <string>

#include "tajo/plan/logical.hpp"

namespace tajo::sql {

/// A plan on one line: `project(#3=f)(join kLeft [p](scan t(#0 a, #1 b), …))`; columns are written name#id.
std::string print(const plan::LogicalPlan& plan);
std::string print(const plan::LogicalPlan& plan, const plan::LogicalNode& node);
std::string print(const plan::LogicalPlan& plan, const functions::Expression& e);

/// Every column an expression uses is made below it or on the left of a dependent join above it; ids are made once;
/// types of columns and expressions agree. Empty when all is well, else what is wrong.
std::string check(const plan::LogicalPlan& plan);

}  // namespace tajo::sql
