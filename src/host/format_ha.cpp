#include "tajo/host/format_ha.hpp"

#include <cstdio>
#include <filesystem>
#include <vector>

#include "tajo/host/launch_check.hpp"
#include "tajo/host/published.hpp"
#include "tajo/journal/posix_log_files.hpp"

namespace tajo::host {
namespace fs = std::filesystem;

int format_ha(const Config& config) {
  if (answering_master(config)) {
    std::printf("If you want to format the ha information, you must shutdown tajo masters  before formatting.\n");
    return 1;
  }
  const std::string directory = ha_directory(config.rootdir());
  std::error_code failed;
  std::error_code absent;
  std::vector<fs::path> files;
  if (fs::exists(directory, absent))
    for (auto it = fs::directory_iterator(directory, failed); !failed && it != fs::directory_iterator(); it.increment(failed)) files.push_back(it->path());
  for (const fs::path& file : files)
    if (!failed) fs::remove_all(file, failed);
  if (failed) {
    std::printf("Cannot format ha information.\n");
    std::fprintf(stderr, "ERROR: %s: %s\n", directory.c_str(), failed.message().c_str());
    return 1;
  }
  std::printf("Formatting finished successfully.\n");
  return 0;
}

std::string warehouse_without_log(const Config& config) {
  const std::string log = config.rootdir() + "/system/log", warehouse = config.path("tajo.warehouse.directory");
  if (journal::PosixLogFiles::newest_slot_age_s(log)) return {};
  std::error_code failed;
  for (auto it = fs::recursive_directory_iterator(warehouse, failed); !failed && it != fs::recursive_directory_iterator(); it.increment(failed))
    if (it->is_regular_file(failed))
      return log + " is empty, but the warehouse holds tables (" + it->path().string() +
             "): a new log would not know them. Bring system/log back, or move the warehouse away";
  return {};
}

}  // namespace tajo::host
