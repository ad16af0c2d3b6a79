"""The world outlives its launcher: mpirun, a prted, a host, the head host with mpirun, two hosts at once, a host after its
cable was cut; a keeper; every process of all hosts, after which the supervisor starts another world; a resize; places filled again. Real processes on
simulated hosts (root), under inserts and a running query: launcher.py [--all | CASE…]

After each: acknowledged rows are there exactly once, the query that ran across the event has its answer, the next answer
comes, the tables agree, stop-tajo.sh leaves no process, socket or file. Prints the time until the next answer; asserts none."""
import argparse
import pathlib
import sys
import threading
import time

import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import hosts  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

SKIPPED = 77
ROWS = 100_000
JOIN = "SELECT count(*), sum(a.v), sum(b.v) FROM t a JOIN t b ON a.k = b.k JOIN t c ON b.k = c.k"
EXPECTED = [(ROWS, sum(i % 7 for i in range(1, ROWS + 1)), sum(i % 7 for i in range(1, ROWS + 1)))]


class Client:
    """Asks any master that answers, as a client with several hosts in its connection string does; repeats a statement
    under the same request id until it has an answer."""

    def __init__(self, cluster, first):
        self.cluster, self.next, self.connection = cluster, first, None

    def ask(self, sql, request, limit_s=90):
        end = time.time() + limit_s
        while True:
            try:
                if self.connection is None:
                    self.connection = self.cluster.connect(self.next)
                with self.connection.cursor() as cursor:
                    cursor.execute(f"SET tajo.request_id = '{request}'")
                    cursor.execute(sql)
                    return cursor.fetchall() if cursor.description else None
            except (psycopg2.OperationalError, psycopg2.InterfaceError, OSError, KeyError):
                if time.time() > end:
                    raise
                self.connection = None
                self.next = (self.next + 1) % self.cluster.masters
                time.sleep(0.02)


class Load:
    """Inserts and joins until told to end; what was acknowledged is counted."""

    def __init__(self, cluster, master):
        self.acknowledged, self.problems, self.joins = [], [], 0
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self.insert, args=(Client(cluster, master),)),
                        threading.Thread(target=self.join, args=(Client(cluster, master),))]
        for t in self.threads:
            t.start()

    def insert(self, client):
        n = 0
        while not self.done.is_set():
            try:
                client.ask(f"INSERT INTO log VALUES ({n})", f"insert-{n}")
                self.acknowledged.append(n)
            except Exception as e:  # noqa: BLE001
                self.problems.append(f"insert {n}: {str(e).strip()}")
            n += 1

    def join(self, client):
        n = 0
        while not self.done.is_set():
            try:
                if client.ask(JOIN, f"join-{n}") != EXPECTED:
                    self.problems.append("a join across the event has another answer")
                self.joins += 1
            except Exception as e:  # noqa: BLE001
                self.problems.append(f"join: {str(e).strip()}")
            n += 1

    def end(self):
        self.done.set()
        for t in self.threads:
            t.join()


def kill_launcher(cluster, host, word):
    found = cluster.launchers(host, word)
    if not found:
        raise RuntimeError(f"no {word} on {host}")
    for pid in found:
        cluster.hosts.kill_process(host, pid)


def keepers(cluster, host):
    own = cluster.hosts.path(host, "/proc")
    return [pid for pid in cluster.hosts.processes(host)
            if pathlib.Path(own, str(pid), "comm").read_text().strip() == "tajod-keeper"]


def cut_then_kill(cluster):
    cluster.hosts.cut("h2")
    time.sleep(0.3)
    cluster.hosts.kill("h2")


def kill_everything(cluster):
    """All of the cluster at once, keepers and launchers too; the hosts and their supervisors live."""
    for name in cluster.hosts.names:
        cluster.hosts.run(name, ["pkill", "-KILL", "tajod|prte"])


def kill_all_but_one_host(cluster):
    """What lives on h3, a backup and a worker, is left with half a launcher; then it is killed as well."""
    cluster.hosts.kill("h1")
    cluster.hosts.kill("h2")
    cluster.hosts.run("h3", ["pkill", "-KILL", "tajod|prte"])


# name: (hosts, what happens, a master that lives, ranks left, whether the launcher is lost)
CASES = {
    "mpirun": (3, lambda c: kill_launcher(c, "h1", "prterun"), 1, 6, True),
    "prted": (3, lambda c: kill_launcher(c, "h2", "prted"), 2, 6, True),
    "host": (3, lambda c: c.hosts.kill("h2"), 2, 4, None),
    "head host": (3, lambda c: c.hosts.kill("h1"), 2, 4, True),
    "two hosts": (4, lambda c: [c.hosts.kill("h3"), c.hosts.kill("h4")], 1, 4, None),
    "two of three hosts": (3, lambda c: [c.hosts.kill("h1"), c.hosts.kill("h3")], 1, 2, True),
    "cut, then killed": (3, cut_then_kill, 2, 4, None),
    "keepers and mpirun": (3, lambda c: [[c.hosts.kill_process(h, p) for h in c.hosts.names for p in keepers(c, h)],
                                         kill_launcher(c, "h1", "prterun")], 1, 6, True),
    # With a supervisor:
    "everything": (3, kill_everything, 1, (4, 6), False),   # a busy host may not answer within its second
    "everything but a host": (3, kill_all_but_one_host, 2, 2, False),
    "resize": (3, lambda c: c.tool("tajo", "--config", str(c.conf), "admin", "-resize", "5", host="h2"), 1, 8, False),
    # A host comes back: in an idle minute (here 2 s) its places are filled.
    "host lost and back": (3, lambda c: [c.hosts.kill("h3"), c.hosts.boot("h3")], 1, 6, False),
}
SUPERVISED = ["everything", "everything but a host", "resize", "host lost and back"]
DEFAULT = ["mpirun", "prted", "head host", "two hosts", "cut, then killed", "everything"]


def living(client):
    return client.ask("SELECT count(*) FROM information_schema.cluster WHERE role IS NOT NULL AND role <> 'outside'", f"living-{time.time()}")[0][0]


def run_case(name):
    host_count, event, master, ranks_left, lost = CASES[name]
    problems = []
    with Cluster(masters=3, workers=host_count, hosts=host_count, settings={"tajo.cluster.network": hosts.NETWORK + ".0/24"},
                 environment={"TAJO_SUPERVISE_IDLE": "2"} if name == "host lost and back" else None,
                 start_arguments=["--supervise"] if name in SUPERVISED else []) as cluster:
        cluster.query("CREATE TABLE t (k int8, v int8)")
        cluster.query(f"INSERT INTO t SELECT i, i % 7 FROM generate_series(1, {ROWS}) AS g(i)")
        cluster.query("CREATE TABLE log (n int4)")
        if not wait_until(lambda: len(cluster.places()) == 3 + host_count, 10):
            problems.append("not all ranks stand before the event")
        client = Client(cluster, master)
        client.ask("SELECT 1", "first")
        load = Load(cluster, master)
        wait_until(lambda: load.joins >= 1 and len(load.acknowledged) >= 5, 20)
        begin = time.time()
        event(cluster)
        if client.ask(JOIN, "next") != EXPECTED:
            problems.append("wrong answer right after the event")
        answered = time.time() - begin
        before = len(load.acknowledged), load.joins
        if not wait_until(lambda: len(load.acknowledged) > before[0] and load.joins > before[1], 60):
            problems.append("no insert or join came through afterwards")
        load.end()
        problems += load.problems[:3]
        count, distinct = client.ask("SELECT count(*), count(DISTINCT n) FROM log", "count")[0]
        if count != distinct or count < len(load.acknowledged):
            problems.append(f"{len(load.acknowledged)} rows acknowledged, {count} there, {distinct} of them different")
        if not wait_until(lambda: living(client) in (ranks_left if isinstance(ranks_left, tuple) else (ranks_left,)), 40,
                          every_s=5):   # not a client that keeps it busy
            problems.append(f"{living(client)} ranks live, {ranks_left} should")
        host = next(h for h in cluster.hosts.names if cluster.hosts.alive(h))
        if lost is not None and lost:
            def degraded():
                shown = cluster.tool("tajo", "admin", "-h", f"{cluster.environment['TAJO_PID_DIR']}", "-p",
                                            str(cluster.ports[cluster.master_hosts.index(host)]), "-cluster", host=host)
                return "degraded, no launcher" in shown.stdout
            if not wait_until(degraded, 10):
                problems.append("tajo admin -cluster does not say \"degraded, no launcher\"")
        stopped = cluster.stop()
        if "tajo stopped" not in stopped.stdout:
            problems.append(f"stop-tajo.sh: {stopped.stdout}{stopped.stderr}")
        if not wait_until(lambda: not cluster.left_on_hosts(), 3):
            problems.append(f"left behind: {cluster.left_on_hosts()[:6]}")
    print(f"{'ok    ' if not problems else 'FAILED'} {name}: next answer after {1000 * answered:.0f} ms, "
          f"{len(load.acknowledged)} inserts, {load.joins} joins" + "".join(f"; {p}" for p in problems), flush=True)
    return not problems


def run_alone():
    """Workers that lost launcher, keepers and the only master end themselves after a minute, though nobody stops them."""
    with Cluster(masters=1, workers=2, hosts=1) as cluster:
        for pid in keepers(cluster, "h1") + cluster.launchers("h1", "prterun") + [cluster.active()[1]]:
            cluster.hosts.kill_process("h1", pid)
        begin = time.time()

        def ranks():
            return [p for p, line in cluster.hosts.processes("h1").items() if "tajod" in line]
        left = len(ranks())
        ended = wait_until(lambda: not ranks(), 90, 1)
    good = ended and left >= 2
    print(f"{'ok    ' if good else 'FAILED'} alone: {left} processes, gone after {time.time() - begin:.0f} s", flush=True)
    return good


def main():
    if why := hosts.available():
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    names = arguments.cases or ([*CASES, "alone"] if arguments.all else DEFAULT)
    failed = [name for name in names if not (run_alone() if name == "alone" else run_case(name))]
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
