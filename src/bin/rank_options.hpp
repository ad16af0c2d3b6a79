#pragma once
#include <string>
#include <vector>

namespace tajo {

/// tajod's command line.
struct RankOptions {
  std::string config = "conf";
  bool outlive_launcher = false;
  std::string launch;
  std::vector<std::string> hosts;
  int workers = 0;
  bool force = false;
  std::string log_end;  ///< host::log_end_word of an earlier look
};

}  // namespace tajo
