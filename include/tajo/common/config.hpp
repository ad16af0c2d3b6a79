#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tajo {

/// One key of tajo-site.xml; conf/README.md holds each with its default.
struct ConfigKey {
  enum class Kind : std::uint8_t { kText, kPath, kAddress, kInteger, kBoolean };
  const char* name;        ///< ends in `.*`: all keys below, ignored ones only
  const char* value;       ///< default; `${user.name}` and `${tajo.rootdir}` expand
  Kind kind = Kind::kText;
  long min = 0;            ///< of kInteger
  bool used = true;        ///< false: accepted for Tajo's sake with one warning
  const char* meaning = "";
  const char* unit = "";   ///< of a number
};

/// All known keys, sorted by name.
const std::vector<ConfigKey>& config_keys();

/// A host of conf/masters: `host[:client-port[:http-port]]`.
struct MasterLine {
  std::string host;
  int client_port = 0, http_port = 0;  ///< 0: from tajo-site.xml, counted up on one host
  int number = 0;                      ///< of the line in its file; 0: there is no file
  bool own_client_port = false, own_http_port = false;  ///< the line says it
};
/// A host of conf/workers: `host [slots=N]`.
struct WorkerLine {
  std::string host;
  int slots = 1;
  int number = 0;  ///< as MasterLine's
};

/// A configuration directory: tajo-site.xml, masters, workers. Immutable after load.
/// Error 22023/58P01 with one line that names file, line and key; an unknown `tajo.*` key names the nearest one.
class Config {
 public:
  static Config load(const std::string& directory);
  /// The same without what lies on other hosts than these: for a relaunch on the survivors. When no master is left, the
  /// first of the hosts gets one with the first line's ports; when no worker is left, each master's host gets one.
  Config on_hosts(const std::vector<std::string>& hosts) const;
  /// The same with this many workers, spread over the hosts of `workers` line by line.
  Config with_workers(int count) const;
  /// Of masters and workers, in order, each once.
  std::vector<std::string> hosts() const;

  std::string text(const std::string& key) const;
  std::string path(const std::string& key) const;  ///< without `file://`
  long integer(const std::string& key) const;
  bool boolean(const std::string& key) const;
  /// `host:port`
  std::pair<std::string, int> address(const std::string& key) const;
  bool is_set(const std::string& key) const { return values_.contains(key); }

  const std::string& directory() const { return directory_; }
  const std::vector<MasterLine>& masters() const { return masters_; }  ///< with their final ports
  const std::vector<WorkerLine>& workers() const { return workers_; }
  int worker_count() const;
  int spares() const { return static_cast<int>(integer("tajo.cluster.spares")); }
  /// Where they are: one by one over the hosts of `workers`, from the last, so that no host's loss takes all of them.
  std::vector<WorkerLine> spare_lines() const;
  int world_size() const { return static_cast<int>(masters_.size()) + worker_count() + spares(); }
  /// tajo.master.ha.enable; defaults to true when there is more than one master.
  bool ha() const;
  /// What the web pages listen on: the host of tajo.master.info-http.address.
  std::string web_host() const { return address("tajo.master.info-http.address").first; }
  static bool is_loopback(const std::string& host);
  static bool is_any_address(const std::string& host);  ///< 0.0.0.0, ::, *: all addresses of a host
  std::string rootdir() const { return path("tajo.rootdir"); }
  std::string pid_directory() const;  ///< TAJO_PID_DIR from the environment, else under the user's runtime directory
  std::string log_directory() const;  ///< TAJO_LOG_DIR from the environment, else rootdir/logs
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::string expand(std::string value) const;
  std::string directory_;
  std::map<std::string, std::string> values_;
  std::vector<MasterLine> masters_;
  std::vector<WorkerLine> workers_;
  std::vector<std::string> warnings_;
};

/// The user this process runs as.
std::string user_name();

/// Which rank plays which part: masters in order take the lowest free rank on their host, then workers, the rest are
/// spares. The same at every rank. `localhost` matches any host. Error 58000 names the host without a free rank.
struct RankRoles {
  std::vector<int> masters, workers, spares;
};
RankRoles assign_ranks(const Config& config, const std::vector<std::string>& hosts_by_rank);

}  // namespace tajo
