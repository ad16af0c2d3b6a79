#include <algorithm>

#include "tajo/common/config.hpp"

namespace tajo {

namespace {
using Kind = ConfigKey::Kind;
constexpr bool kIgnored = false;
}  // namespace

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> kKeys = [] {
    std::vector<ConfigKey> keys = {
        // Directories
        {"tajo.rootdir", "file:///tmp/tajo-${user.name}/", Kind::kPath, 0, true, "warehouse, log and staging of the cluster; on a filesystem all hosts see"},
        {"tajo.warehouse.directory", "${tajo.rootdir}/warehouse", Kind::kPath, 0, true, "managed tables"},
        {"tajo.staging.directory", "${tajo.rootdir}/staging", Kind::kPath, 0, true, "results larger than 4 MiB, one directory a query"},
        {"tajo.worker.tmpdir.locations", "/tmp/tajo-${user.name}/tmpdir", Kind::kPath, 0, true, "spill files, on node-local disks; comma list"},
        {"tajo.username", "${user.name}", Kind::kText, 0, kIgnored, ""},
        // Masters
        {"tajo.master.client-rpc.address", "localhost:26002", Kind::kAddress, 0, true, "PostgreSQL protocol of the first master"},
        {"tajo.master.info-http.address", "localhost:26080", Kind::kAddress, 0, true, "web page of the first master"},
        {"tajo.master.ha.enable", "", Kind::kBoolean, 0, true, "backup masters; default: true with more than one line in conf/masters"},
        {"tajo.master.ha.monitor.interval", "200", Kind::kInteger, 50, true, "ms between probes; three without a sign of life are a suspicion"},
        {"tajo.master.max-connections", "500", Kind::kInteger, 1, true, "clients at one master"},
        {"tajo.master.umbilical-rpc.address", "localhost:26001", Kind::kAddress, 0, kIgnored, ""},
        {"tajo.resource-tracker.rpc.address", "0.0.0.0:26003", Kind::kAddress, 0, kIgnored, ""},
        {"tajo.catalog.client-rpc.address", "0.0.0.0:26005", Kind::kAddress, 0, kIgnored, ""},
        {"tajo.rest.service.address", "0.0.0.0:26880", Kind::kAddress, 0, kIgnored, ""},
        {"tajo.master.ha.client.read.retry.max-num", "120", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.master.ha.client.read.retry.pause-time", "500", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.discovery.service-tracker.class", "", Kind::kText, 0, kIgnored, ""},
        {"tajo.discovery.ha-service-tracker.class", "", Kind::kText, 0, kIgnored, ""},
        {"tajo.resource.scheduler", "SimpleScheduler", Kind::kText, 0, kIgnored, ""},
        {"tajo.master.async-task.thread-num", "4", Kind::kInteger, 1, kIgnored, ""},
        {"tajo.query.session.timeout-sec", "60", Kind::kInteger, 0, kIgnored, ""},
        // Cluster
        {"tajo.cluster.spares", "0", Kind::kInteger, 0, true, "idle ranks that take the place of lost ones"},
        {"tajo.cluster.network", "", Kind::kText, 0, true, "interfaces or networks (eth0, 10.0.0.0/16; comma list) between the hosts; empty: all"},
        {"tajo.cluster.start-timeout-sec", "60", Kind::kInteger, 1, true, "s until a start that is not complete gives up"},
        // Workers
        {"tajo.worker.resource.cpu-cores", "0", Kind::kInteger, 0, true, "executor threads of a worker; 0: cores in the affinity mask / workers on the host"},
        {"tajo.worker.resource.memory-mb", "0", Kind::kInteger, 0, true, "MiB for hash tables, outputs and results of a worker; 0: 60 % of the host's / ranks on the host"},
        {"tajo.worker.info-http.address", "0.0.0.0:28080", Kind::kAddress, 0, kIgnored, ""},
        {"tajo.worker.qm-info-http.address", "0.0.0.0:28081", Kind::kAddress, 0, kIgnored, ""},
        {"tajo.worker.peer-rpc.address", "0.0.0.0:28091", Kind::kAddress, 0, kIgnored, ""},
        {"tajo.worker.client-rpc.address", "0.0.0.0:28092", Kind::kAddress, 0, kIgnored, ""},
        {"tajo.worker.qm-rpc.address", "0.0.0.0:28093", Kind::kAddress, 0, kIgnored, ""},
        {"tajo.worker.tmpdir.cleanup-at-startup", "true", Kind::kBoolean, 0, true, "a start removes spill files that killed processes of this user left"},
        {"tajo.worker.spill.after-kb", "0", Kind::kInteger, 0, true, "KiB of rows that a thread keeps for one operator before it spills them; 0: as memory allows (tests set it)"},
        {"tajo.worker.resource.disk.parallel-execution.num", "2", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.worker.heartbeat.idle.interval", "10000", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.worker.heartbeat.active.interval", "1000", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.resource-tracker.heartbeat.timeout-secs", "120", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.task.resource.min.memory-mb", "1000", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.qm.resource.min.memory-mb", "500", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.task.size-mb", "128", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.min.split.size", "32", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.pullserver.port", "0", Kind::kInteger, 0, kIgnored, ""},
        {"tajo.shuffle.file-format", "RAW", Kind::kText, 0, kIgnored, ""},
        {"tajo.catalog.store.class", "", Kind::kText, 0, kIgnored, ""},
        {"tajo.catalog.uri", "", Kind::kText, 0, kIgnored, ""},
        {"tajo.timezone", "UTC", Kind::kText, 0, kIgnored, ""},
        {"tajo.history.query.dir", "", Kind::kPath, 0, kIgnored, ""},
        {"tajo.history.expiry-time-day", "7", Kind::kInteger, 0, true, "days a query stays in information_schema.queries, 10,000 queries at most; 0: no limit of time"},
        {"tajo.query.result.retention-min", "30", Kind::kInteger, 0, true, "minutes the result of a query can be fetched again by its id"},
        {"tajo.task.max-attempts", "4", Kind::kInteger, 1, true, "failures of the system (disk, network, memory) one task may have before its query fails"},
    };
    std::sort(keys.begin(), keys.end(), [](const ConfigKey& a, const ConfigKey& b) { return std::string(a.name) < b.name; });
    return keys;
  }();
  return kKeys;
}

}  // namespace tajo
