#include <algorithm>
#include <string_view>

#include "tajo/common/config.hpp"

namespace tajo {

namespace {
using Kind = ConfigKey::Kind;

/// A key of Apache Tajo that changes nothing here; whatever its value is. `tajo.x.*` stands for all keys below tajo.x.
constexpr ConfigKey ignored(const char* name, const char* value, const char* unit = "") {
  return {name, value, Kind::kText, 0, false, "", unit};
}
}  // namespace

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> kKeys = [] {
    std::vector<ConfigKey> keys = {
        // Directories
        {"tajo.rootdir", "file:///tmp/tajo-${user.name}/", Kind::kPath, 0, true, "warehouse, log and staging of the cluster; on a filesystem all hosts see"},
        {"tajo.warehouse.directory", "${tajo.rootdir}/warehouse", Kind::kPath, 0, true, "managed tables"},
        {"tajo.staging.directory", "${tajo.rootdir}/staging", Kind::kPath, 0, true, "results larger than 4 MiB, one directory a query"},
        {"tajo.worker.tmpdir.locations", "/tmp/tajo-${user.name}/tmpdir", Kind::kPath, 0, true, "spill files, on node-local disks; comma list"},
        // Masters
        {"tajo.master.client-rpc.address", "localhost:26002", Kind::kAddress, 0, true, "PostgreSQL protocol of the first master"},
        {"tajo.master.info-http.address", "localhost:26080", Kind::kAddress, 0, true, "web page of the first master"},
        {"tajo.master.ha.enable", "", Kind::kBoolean, 0, true, "backup masters; default: true with more than one line in conf/masters"},
        {"tajo.master.ha.monitor.interval", "200", Kind::kInteger, 50, true, "ms between probes; three without a sign of life are a suspicion", "ms"},
        {"tajo.master.max-connections", "500", Kind::kInteger, 1, true, "clients at one master", "clients"},
        // Cluster
        {"tajo.cluster.spares", "0", Kind::kInteger, 0, true, "idle ranks that take the place of lost ones", "ranks"},
        {"tajo.cluster.network", "", Kind::kText, 0, true, "interfaces or networks (eth0, 10.0.0.0/16; comma list) between the hosts; empty: all"},
        {"tajo.cluster.start-timeout-sec", "60", Kind::kInteger, 1, true, "s until a start that is not complete gives up", "s"},
        // Workers
        {"tajo.worker.resource.cpu-cores", "0", Kind::kInteger, 0, true, "executor threads of a worker; 0: cores in the affinity mask / workers on the host", "threads"},
        {"tajo.worker.resource.memory-mb", "0", Kind::kInteger, 0, true, "MiB for hash tables, outputs and results of a worker; 0: 60 % of the host's / ranks on the host", "MiB"},
        {"tajo.worker.tmpdir.cleanup-at-startup", "true", Kind::kBoolean, 0, true, "a start removes spill files that killed processes of this user left"},
        {"tajo.worker.spill.after-kb", "0", Kind::kInteger, 0, true, "KiB of rows that a thread keeps for one operator before it spills them; 0: as memory allows (tests set it)", "KiB"},
        // Queries
        {"tajo.history.expiry-time-day", "7", Kind::kInteger, 0, true, "days a query stays in information_schema.queries, 10,000 queries at most; 0: no limit of time", "days"},
        {"tajo.query.result.retention-min", "30", Kind::kInteger, 0, true, "minutes the result of a query can be fetched again by its id", "min"},
        {"tajo.client.session.expiry-time-sec", "3600", Kind::kInteger, 0, true, "s that a session stays whose client's connection broke, to be taken up again", "s"},
        {"tajo.task.max-attempts", "4", Kind::kInteger, 1, true, "failures of the system (disk, network, memory) one task may have before its query fails", "times"},
        // Of Apache Tajo, without meaning here
        // Directories and files
        ignored("tajo.system-conf.path", ""),
        ignored("tajo.system-conf.replica-count", "20", "copies"),
        ignored("tajo.username", "${user.name}"),
        ignored("tajo.metrics.property.file", "tajo-metrics.properties"),
        // Addresses
        ignored("tajo.master.umbilical-rpc.address", "localhost:26001"),
        ignored("tajo.resource-tracker.rpc.address", "0.0.0.0:26003"),
        ignored("tajo.catalog.client-rpc.address", "0.0.0.0:26005"),
        ignored("tajo.rest.service.address", "0.0.0.0:26880"),
        ignored("tajo.rest.service.port", "26880"),
        ignored("tajo.worker.info-http.address", "0.0.0.0:28080"),
        ignored("tajo.worker.qm-info-http.address", "0.0.0.0:28081"),
        ignored("tajo.worker.peer-rpc.address", "0.0.0.0:28091"),
        ignored("tajo.worker.client-rpc.address", "0.0.0.0:28092"),
        ignored("tajo.worker.qm-rpc.address", "0.0.0.0:28093"),
        // Masters, backup masters
        ignored("tajo.master.async-task.thread-num", "4", "threads"),
        ignored("tajo.master.async-task.wait-time-sec", "60", "s"),
        ignored("tajo.master.ha.client.read.retry.max-num", "120", "times"),
        ignored("tajo.master.ha.client.read.pause-time", "500", "ms"),
        ignored("tajo.discovery.service-tracker.class", "org.apache.tajo.service.BaseServiceTracker"),
        ignored("tajo.discovery.ha-service-tracker.class", "org.apache.tajo.ha.HdfsServiceTracker"),
        // Scheduling and resources
        ignored("tajo.resource.scheduler", "org.apache.tajo.master.scheduler.SimpleScheduler"),
        ignored("tajo.resource-tracker.heartbeat.timeout-secs", "120", "s"),
        ignored("tajo.qm.resource.min.memory-mb", "500", "MiB"),
        ignored("tajo.qm.task-scheduler.delay", "50", "ms"),
        ignored("tajo.qm.task-scheduler.request.max-num", "50", "requests"),
        ignored("tajo.task.resource.min.memory-mb", "1000", "MiB"),
        ignored("tajo.task.size-mb", "128", "MiB"),
        ignored("tajo.worker.resource.disks", "2", "disks"),
        ignored("tajo.worker.resource.disk.parallel-execution.num", "2", "tasks a disk"),
        ignored("tajo.worker.resource.dfs-dir-aware", "false"),
        ignored("tajo.worker.heartbeat.queue.threshold-rate", "0.3", "of the queue"),
        ignored("tajo.worker.heartbeat.idle.interval", "10000", "ms"),
        ignored("tajo.worker.heartbeat.active.interval", "1000", "ms"),
        // Sessions and queries
        ignored("tajo.query.session.timeout-sec", "60", "s"),
        ignored("tajo.query.session.query-cache-size-kb", "0", "KiB"),
        ignored("tajo.query.execute.parallel.max", "10", "stages"),
        ignored("tajo.query.max-outfile-size-mb", "0", "MiB"),
        ignored("tajo.query.output.file-format", "DRAW"),
        ignored("tajo.query.index.enabled", "false"),
        ignored("tajo.query.index.selectivity.threshold", "0.05", "of the rows"),
        ignored("tajo.resultset.fetch.rownum", "200", "rows"),
        ignored("tajo.resultset.block.wait", "true"),
        ignored("tajo.resultset.compression", "false"),
        ignored("tajo.timezone", "UTC"),
        ignored("tajo.datetime.date-order", "YMD"),
        ignored("tajo.text.null", "\\N"),
        ignored("tajo.behavior.arithmetic-abort", "false"),
        ignored("tajo.cli.max_columns", "120", "characters"),
        ignored("tajo.cli.nullchar", ""),
        ignored("tajo.cli.print.pause.num.records", "100", "rows"),
        ignored("tajo.cli.print.pause", "true"),
        ignored("tajo.cli.print.error.trace", "true"),
        ignored("tajo.cli.output.formatter", "org.apache.tajo.cli.tsql.DefaultTajoCliOutputFormatter"),
        ignored("tajo.cli.error.stop", "false"),
        // Shuffle
        ignored("tajo.pullserver.port", "0"),
        ignored("tajo.pullserver.index-cache.size", "10000", "entries"),
        ignored("tajo.pullserver.index-cache.timeout-min", "5", "min"),
        ignored("tajo.pullserver.fetch-url.max-length", "1024", "B"),
        ignored("tajo.pullserver.ssl.enabled", "false"),
        ignored("tajo.shuffle.file-format", "RAW"),
        ignored("tajo.shuffle.fetcher.parallel-execution.max-num", "2", "fetches"),
        ignored("tajo.shuffle.fetcher.chunk.max-size", "8192", "B"),
        ignored("tajo.shuffle.fetcher.connect.timeout-sec", "60", "s"),
        ignored("tajo.shuffle.fetcher.read.timeout-sec", "60", "s"),
        ignored("tajo.shuffle.fetcher.read.retry.max-num", "2", "times"),
        ignored("tajo.shuffle.hash.appender.buffer.size", "10000", "rows"),
        ignored("tajo.shuffle.hash.appender.page.volume-mb", "30", "MiB"),
        ignored("tajo.shuffle.hash.parent.dirs.count", "64", "directories"),
        ignored("tajo.hash.shuffle.parent.dirs.count", "10", "directories"),
        // RPC
        ignored("tajo.rpc.client.retry-num", "3", "times"),
        ignored("tajo.rpc.client.connection-timeout-ms", "15000", "ms"),
        ignored("tajo.rpc.client.socket-timeout-ms", "180000", "ms"),
        ignored("tajo.rpc.client.hang-detection", "true"),
        ignored("tajo.rpc.client.worker-thread-num", "4", "threads"),
        ignored("tajo.internal.rpc.client.worker-thread-num", "2 * cores", "threads"),
        ignored("tajo.master.rpc.server.worker-thread-num", "2 * cores", "threads"),
        ignored("tajo.master.service.rpc.server.worker-thread-num", "cores", "threads"),
        ignored("tajo.querymaster.rpc.server.worker-thread-num", "2 * cores", "threads"),
        ignored("tajo.worker.rpc.server.worker-thread-num", "2 * cores", "threads"),
        ignored("tajo.worker.service.rpc.server.worker-thread-num", "cores", "threads"),
        ignored("tajo.catalog.rpc.server.worker-thread-num", "2 * cores", "threads"),
        ignored("tajo.shuffle.rpc.server.worker-thread-num", "2 * cores", "threads"),
        ignored("tajo.shuffle.rpc.client.worker-thread-num", "cores", "threads"),
        ignored("tajo.rest.service.rpc.server.worker-thread-num", "cores", "threads"),
        ignored("tajo.rpc.*", ""),
        // History
        ignored("tajo.history.query.dir", "/tmp/tajo-${user.name}/staging/history"),
        ignored("tajo.history.task.dir", "file:///tmp/tajo-${user.name}/history"),
        ignored("tajo.history.cache.size", "100", "queries"),
        // Optimiser and executors
        ignored("tajo.plan.logical.rewriter.provider", "org.apache.tajo.plan.rewrite.BaseLogicalPlanRewriteRuleProvider"),
        ignored("tajo.plan.global.rewriter.provider", "org.apache.tajo.engine.planner.global.rewriter.BaseGlobalPlanRewriteRuleProvider"),
        ignored("tajo.optimizer.stats.use-table-volume", "false"),
        ignored("tajo.dist-query.broadcast.non-cross-join.threshold-kb", "5120", "KiB"),
        ignored("tajo.dist-query.broadcast.cross-join.threshold-kb", "1024", "KiB"),
        ignored("tajo.dist-query.join.task-volume-mb", "64", "MiB"),
        ignored("tajo.dist-query.join.partition-volume-mb", "128", "MiB"),
        ignored("tajo.dist-query.join.auto-broadcast", "true"),
        ignored("tajo.dist-query.sort.task-volume-mb", "64", "MiB"),
        ignored("tajo.dist-query.groupby.task-volume-mb", "64", "MiB"),
        ignored("tajo.dist-query.groupby.partition-volume-mb", "256", "MiB"),
        ignored("tajo.dist-query.groupby.multi-level-aggr", "true"),
        ignored("tajo.dist-query.table-partition.task-volume-mb", "256", "MiB"),
        ignored("tajo.executor.external-sort.thread-num", "1", "threads"),
        ignored("tajo.executor.external-sort.fanout-num", "8", "runs"),
        ignored("tajo.executor.external-sort.buffer-mb", "200", "MiB"),
        ignored("tajo.executor.sort.list.size", "100000", "rows"),
        ignored("tajo.executor.join.common.in-memory-hash-threshold-mb", "64", "MiB"),
        ignored("tajo.executor.join.inner.in-memory-hash-threshold-mb", "64", "MiB"),
        ignored("tajo.executor.join.outer.in-memory-hash-threshold-mb", "64", "MiB"),
        ignored("tajo.executor.join.hash-table.size", "100000", "rows"),
        ignored("tajo.executor.groupby.in-memory-hash-threshold-mb", "64", "MiB"),
        ignored("tajo.executor.aggregate.hash-table.size", "10000", "groups"),
        ignored("tajo.executor.hash-shuffle.buffer-mb", "100", "MiB"),
        ignored("tajo.executor.codegen.enabled", "false"),
        ignored("tajo.fragment.alternative.unknown.length", "536870912", "B"),
        ignored("tajo.partition.dynamic.bulk-insert.batch-size", "1000", "partitions"),
        ignored("tajo.partition.overwrite.even-if-no-result", "false"),
        ignored("tajo.debug.enabled", "false"),
        ignored("tajo.test.*", ""),
        // Storage
        ignored("tajo.min.split.size", "33554432", "B"),
        ignored("tajo.exec.rcfile.use.explicit.header", "true"),
        ignored("tajo.s3.max-error-retries", "10", "times"),
        ignored("tajo.s3.ssl.enabled", "true"),
        ignored("tajo.s3.connect-timeout", "5m"),
        ignored("tajo.s3.socket-timeout", "5m"),
        ignored("tajo.s3.max-connections", "500", "connections"),
        ignored("tajo.s3.use-instance-credentials", "true"),
        ignored("tajo.s3.pin-client-to-current-region", "false"),
        ignored("tajo.s3.*", ""),
        ignored("tajo.storage.*", ""),
        // Functions
        ignored("tajo.function.python.code-dir", ""),
        ignored("tajo.function.python.controller.log-dir", ""),
        ignored("tajo.function.geoip-database-location", ""),
        ignored("tajo.function.hive.jar-dir", "./lib/hiveudf"),
        // Catalog (of catalog-site.xml)
        ignored("tajo.catalog.store.class", "org.apache.tajo.catalog.store.DerbyStore"),
        ignored("tajo.catalog.uri", "jdbc:derby:/tmp/tajo-catalog-${user.name}/db;create=true"),
        ignored("tajo.catalog.connection.*", ""),
        ignored("tajo.catalog.jdbc.*", ""),
    };
    std::sort(keys.begin(), keys.end(), [](const ConfigKey& a, const ConfigKey& b) { return std::string_view(a.name) < b.name; });
    return keys;
  }();
  return kKeys;
}

}  // namespace tajo
