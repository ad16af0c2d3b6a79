"""Hours without a launcher: without_launcher.py [--hours H] [--kills N] [--seed S]

A cluster over three simulated hosts (root) loses mpirun and every prted at once and goes on for H hours (1) under a light
mixed load: inserts of pairs whose values add up to nothing, joins, short aggregates, tables made from queries and dropped,
through every master. N ranks (8) are killed meanwhile, masters and workers by turns; spares take their places. Every answer
is checked. At the end each survivor's memory and open files stand beside those of the beginning, stop-tajo.sh leaves
nothing. By hand: no part of the test run."""
import argparse
import collections
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import hosts  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402
from launcher import EXPECTED, JOIN, ROWS, Client, kill_launcher  # noqa: E402

SKIPPED = 77
HOSTS, MASTERS, WORKERS = 3, 3, 4
WARM_S = 60
PAUSE_S = 0.8               # between two statements of a client: a light load, not a benchmark
PAIRS = 250                 # in one ledger; then another one, so that the tables stay small
REPORT_S = 300
SHORT = "SELECT v, count(*) FROM t GROUP BY v ORDER BY v"
SHORT_EXPECTED = [(v, sum(1 for i in range(1, ROWS + 1) if i % 7 == v)) for v in range(7)]


class Mixed:
    """Three clients, each first at another master; what they find wrong is in `problems`."""

    def __init__(self, cluster):
        self.problems, self.answers, self.slowest = [], 0, 0.0
        self.done, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(body, Client(cluster, master)))
                        for master, body in enumerate((self.ledger, self.reads, self.copies))]
        for t in self.threads:
            t.start()

    def run(self, body, client):
        n = 0
        while not self.done.wait(PAUSE_S):
            try:
                body(client, n)
            except Exception as e:  # noqa: BLE001: whatever it is, a client saw it
                self.wrong(f"{body.__name__} {n}: {str(e).strip()}")
            n += 1

    def wrong(self, text):
        with self.lock:
            self.problems.append(text)
        print(f"WRONG  {time.strftime('%T')} {text}", flush=True)

    def ask(self, client, sql, request, expected=None):
        begin = time.time()
        rows = client.ask(sql, request)
        with self.lock:
            self.answers += 1
            self.slowest = max(self.slowest, time.time() - begin)
        if expected is not None and rows != expected:
            self.wrong(f"{request}: {str(rows)[:120]} and not {str(expected)[:120]}")

    def ledger(self, client, n):
        book, pair = divmod(n, PAIRS)
        if pair == 0:
            self.ask(client, f"CREATE TABLE ledger_{book} (n int8, v int8)", f"open-{book}")
        self.ask(client, f"INSERT INTO ledger_{book} VALUES ({pair}, {pair + 7}), ({pair}, {-pair - 7})", f"pair-{n}")
        if pair % 10 == 9:
            self.ask(client, f"SELECT count(*), sum(v), count(DISTINCT n) FROM ledger_{book}", f"sum-{n}",
                     [(2 * pair + 2, 0, pair + 1)])
        if pair == PAIRS - 1:
            self.ask(client, f"DROP TABLE ledger_{book}", f"close-{book}")

    def reads(self, client, n):
        if n % 2:
            self.ask(client, JOIN, f"join-{n}", EXPECTED)
        else:
            self.ask(client, SHORT, f"short-{n}", SHORT_EXPECTED)

    def copies(self, client, n):
        rest = n % 7
        self.ask(client, f"CREATE TABLE copy_{n} AS SELECT k FROM t WHERE v = {rest}", f"copy-{n}")
        self.ask(client, f"SELECT count(*) FROM copy_{n}", f"copied-{n}", [SHORT_EXPECTED[rest][1:]])
        self.ask(client, f"DROP TABLE copy_{n}", f"drop-{n}")

    def end(self):
        self.done.set()
        for t in self.threads:
            t.join()


def usage(cluster):
    """{(host, pid): (resident bytes that are no file's, open files)} of every rank that lives."""
    found = {}
    for name in cluster.hosts.names:
        for pid in cluster.hosts.processes(name):
            own = pathlib.Path(cluster.hosts.path(name, f"/proc/{pid}"))
            try:
                if (own / "comm").read_text().strip() != "tajod":
                    continue
                fields = dict(line.split(":", 1) for line in (own / "status").read_text().splitlines())
                found[name, pid] = int(fields["RssAnon"].split()[0]) << 10, len(list((own / "fd").iterdir()))
            except OSError:
                continue
    return found


def shown(uses):
    return f"{len(uses)} ranks, {sum(m for m, _ in uses.values()) >> 20} MiB, {sum(f for _, f in uses.values())} open files"


def lose_launcher(cluster):
    kill_launcher(cluster, "h1", "prterun")
    for name in cluster.hosts.names:
        for pid in cluster.launchers(name, "prted"):
            cluster.hosts.kill_process(name, pid)
    return not any(cluster.launchers(name, word) for name in cluster.hosts.names for word in ("prterun", "prted"))


def kill_one(cluster, asking, role):
    rows = asking.ask("SELECT host, pid, role FROM information_schema.cluster", f"who-{time.time()}")
    standing = [(host, pid) for host, pid, held in rows if held == role]
    if not standing:
        return None
    host, pid = random.choice(standing)
    cluster.hosts.kill_process(host, pid)
    return f"{role} {pid} on {host}"


def roles_of(asking):
    return collections.Counter(role for role, in asking.ask("SELECT role FROM information_schema.cluster", f"roles-{time.time()}"))


def in_place(asking):
    roles = roles_of(asking)
    return roles["active"] == 1 and roles["backup"] >= MASTERS - 1 and roles["worker"] >= WORKERS


def run(arguments):
    random.seed(arguments.seed)
    problems = []
    with Cluster(masters=MASTERS, workers=WORKERS, spares=arguments.kills, hosts=HOSTS,
                 settings={"tajo.cluster.network": hosts.NETWORK + ".0/24"}) as cluster:
        cluster.query("CREATE TABLE t (k int8, v int8)")
        cluster.query(f"INSERT INTO t SELECT i, i % 7 FROM generate_series(1, {ROWS}) AS g(i)")
        if not lose_launcher(cluster):
            problems.append("a launcher lives")
        began = time.time()
        end, asking, load = began + 3600 * arguments.hours, Client(cluster, 1), Mixed(cluster)
        time.sleep(min(WARM_S, 600 * arguments.hours))
        first, shown_at = usage(cluster), time.time()
        print(f"{time.strftime('%T')} no launcher since {time.time() - began:.0f} s: {shown(first)}", flush=True)
        step = (end - time.time()) / (arguments.kills + 1)
        kills = [time.time() + step * (i + 1) for i in range(arguments.kills)]
        victims = ["worker", "backup", "worker", "active"]
        while time.time() < end:
            time.sleep(1)
            if kills and time.time() > kills[0]:
                kills.pop(0)
                print(f"{time.strftime('%T')} killed: {kill_one(cluster, asking, victims[0])}", flush=True)
                victims.append(victims.pop(0))
                if not wait_until(lambda: in_place(asking), 60, 1):
                    problems.append(f"{time.strftime('%T')} a lost place was not filled within a minute: {dict(roles_of(asking))}")
            if time.time() - shown_at > REPORT_S:
                shown_at = time.time()
                print(f"{time.strftime('%T')} {load.answers} answers, slowest {load.slowest:.2f} s; {shown(usage(cluster))}", flush=True)
        load.end()
        time.sleep(5)
        last = usage(cluster)
        for rank in sorted(first):
            now = last.get(rank)
            print(f"{rank[0]} process {rank[1]}: {first[rank][0] / 2**20:.1f} MiB, {first[rank][1]} open files; at the end "
                  + (f"{now[0] / 2**20:.1f} MiB, {now[1]}" if now else "killed"))
        if len(last) != len(first) - arguments.kills:
            problems.append(f"{len(first)} ranks, {arguments.kills} killed, {len(last)} left")
        problems += load.problems
        stopped = cluster.stop()
        if "tajo stopped" not in stopped.stdout:
            problems.append(f"stop-tajo.sh: {stopped.stdout}{stopped.stderr}")
        if not wait_until(lambda: not cluster.left_on_hosts(), 5):
            problems.append(f"left behind: {cluster.left_on_hosts()[:6]}")
        print(f"{(time.time() - began) / 3600:.2f} hours without a launcher, {arguments.kills} kills: {load.answers} answers, "
              f"slowest {load.slowest:.2f} s; {shown(first)} became {shown(last)}")
    for p in problems[:20]:
        print(f"WRONG  {p}")
    print(f"{len(problems)} problems")
    return not problems


def main():
    if why := hosts.available():
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    sys.exit(0 if run(parser.parse_args()) else 1)


if __name__ == "__main__":
    main()
