#pragma once
#include <string>

#include "canary.hpp"

namespace tajo::sim {

/// A known-bad variant. The first group lives in the product's sources (sim_canary only), the second in the simulated
/// filesystem or process.
struct Variant {
  std::string name;
  cluster::Canary rule = cluster::Canary::kNone;
  bool check_then_act = false;   ///< a slot is looked up, then written over the name
  bool reuse_names = false;      ///< old slots are removed one by one while their row lives
  bool elapsed_watchdog = false; ///< the watchdog counts elapsed time
  bool outcome_apart = false;    ///< what a statement changed is committed first, that it ended later
  bool unproved_answers = false; ///< neither submission nor proof is waited for
  bool all_repeatable = false;   ///< QueryMasters take every stage for repeatable
};

}  // namespace tajo::sim
