#pragma once
#include <string>

#include "tajo/common/ids.hpp"

namespace tajo::host {

struct KeeperConfig {
  std::string directory;      ///< `${tajo.rootdir}/system/ha` (published.hpp)
  std::string launch;         ///< names this start of the cluster
  int stop_timeout_s = 10;    ///< between TERM and KILL
};

/// A rank's hold on its keeper. The process mpirun started stays in front, for the launcher to wait for. The keeper and
/// the rank get sessions of their own, so that the launcher's end takes only the front. The keeper reaps the rank, ends
/// it when a stop is requested (on a keeper's TERM too, or when the launcher is lost before the world stands), and
/// removes what the rank could not remove itself.
class Kept {
 public:
  /// Before any thread exists. Returns in the rank's process only; front and keeper end inside.
  static Kept detach(const KeeperConfig& config);

  Kept() = default;  ///< a rank without keeper
  /// The world stands: from now on the rank outlives the launcher. Standard output and error, pipes to the launcher
  /// until now, become `log_file`.
  void started(Rank rank, const std::string& log_file);
  /// A path to remove when the rank has ended without doing so. Any thread.
  void leaves(const std::string& path) const;
  /// False once the keeper has died. Any thread; a system call.
  bool keeper_lives() const;
  explicit operator bool() const { return report_ >= 0; }

 private:
  Kept(int report, int keeper) : report_(report), keeper_(keeper) {}
  int report_ = -1;  ///< to the keeper
  int keeper_ = -1;  ///< hangs up when it dies
};

}  // namespace tajo::host
