#include <cstdio>
#include <cstdlib>

#include "tajo/client/admin.hpp"
#include "tajo/common/config.hpp"
#include "tajo/common/error.hpp"

#ifndef TAJO_VERSION
#define TAJO_VERSION "0.1.0"
#endif

namespace tajo::client {

std::string version_text() { return "Tajo for HPC " TAJO_VERSION; }

int run_getconf(const std::vector<std::string>& arguments) {
  const char* directory = std::getenv("TAJO_CONF_DIR");
  std::string key, where = directory != nullptr ? directory : "conf";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) where = arguments[++i];
    else if ((arguments[i] == "-h" || arguments[i] == "-p") && i + 1 < arguments.size()) ++i;  // Tajo takes and ignores them
    else key = arguments[i];
  }
  if (key.empty()) {
    std::printf("usage: tajo [--config DIR] getconf KEY\n");
    return 1;
  }
  bool known = false;
  for (const ConfigKey& k : config_keys()) known = known || key == k.name;
  try {
    Config config = Config::load(where);
    if (known || config.is_set(key)) {
      std::printf("%s\n", key == "tajo.master.ha.enable" ? (config.ha() ? "true" : "false") : config.text(key).c_str());
      return 0;
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return 1;
  }
  std::printf("Configuration %s is missing.\n", key.c_str());
  return 1;
}

}  // namespace tajo::client
