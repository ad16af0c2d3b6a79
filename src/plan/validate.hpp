#pragma once
#include "tajo/plan/physical.hpp"

namespace tajo::plan {

/// Checks what every consumer of a plan relies on: column references resolve and agree in physical type with what
/// they name, node ids are unique, stages are topological, each kSplits stage has its driving scan. Error XX000.
void validate(const PhysicalPlan& plan);

}  // namespace tajo::plan
