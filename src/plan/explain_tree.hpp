#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tajo/plan/physical.hpp"

namespace tajo::plan {

/// One operator (or a stage, or a write: without `node`) as EXPLAIN shows it, whatever the format.
struct ExplainItem {
  std::string title;
  const PhysicalNode* node = nullptr;
  std::vector<std::pair<std::string, std::string>> details;
  std::vector<ExplainItem> children;
};

/// The whole tree as one item, or one item a stage.
std::vector<ExplainItem> explain_items(const PhysicalPlan& plan, bool global);

}  // namespace tajo::plan
