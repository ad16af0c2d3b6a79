#include "stages.hpp"

namespace tajo::plan {

void cut_stages(PhysicalPtr root, const PlannerSettings&, PhysicalPlan& plan) {
  Stage stage;
  stage.estimated_rows = root->estimated_rows;
  stage.output.kind = plan.write ? StageOutput::Kind::kTable : StageOutput::Kind::kResult;
  stage.root = std::move(root);
  plan.stages.push_back(std::move(stage));
}

}  // namespace tajo::plan
