"""start-tajo.sh --force --drain and stop-tajo.sh --drain under clients that repeat a statement whose connection broke under its
request id: they see no error, what is longer than the time to drain is run again by the next cluster, everything counts once."""
import pathlib
import sys
import threading
import time

import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster, wait_until  # noqa: E402
from report import Report  # noqa: E402

PATIENCE_S = 90
ROWS = 100_000
# Seconds of pairs on any machine: 1.4 thousand million of them meet in the join.
SLOW = "SELECT count(*) FROM facts a JOIN facts b ON a.v = b.v AND a.k % 3 <= b.k"
report = Report()
check = report.check


def ask(cluster, sql, request):
    """Asked until it is answered; an error of the statement is one."""
    give_up = time.time() + PATIENCE_S
    for n in range(1_000_000):
        connection = None
        try:
            connection = cluster.connect(n % cluster.masters)
            with connection.cursor() as cursor:
                cursor.execute(f"SET tajo.request_id = '{request}'")
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else None
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as e:
            if getattr(e, "pgcode", None) or time.time() > give_up:
                raise
            time.sleep(0.05)
        finally:
            if connection:
                connection.close()


class Client(threading.Thread):
    """Asks statement(n) until it is told to end; `once`: the first only."""

    def __init__(self, cluster, name, statement, once=False):
        super().__init__()
        self.cluster, self.name, self.statement, self.once = cluster, name, statement, once
        self.answers, self.problems = [], []
        self.ended = threading.Event()
        self.start()

    def run(self):
        n = 0
        while not self.ended.is_set():
            try:
                self.answers.append(ask(self.cluster, self.statement(n), f"{self.name}-{n}"))
            except psycopg2.Error as e:
                self.problems.append(f"{e.pgcode} {str(e).strip()}")
            n += 1
            if self.once:
                break

    def end(self):
        self.ended.set()
        self.join(PATIENCE_S)
        return self


def across(cluster, name, expected, replace):
    """`replace` is called while the slow statement runs and inserts come; the launch is another one afterwards."""
    launches = lambda: {f.name.split("-")[1] for f in (cluster.root / "system/ha").glob("rank-*")}  # noqa: E731
    before = launches()
    slow = Client(cluster, f"{name}-slow", lambda _: SLOW, once=True)
    writer = Client(cluster, f"{name}-writer", lambda n: f"INSERT INTO written VALUES ('{name}', {n})")
    running = "SELECT query_id FROM information_schema.queries WHERE state = 'QUERY_RUNNING' AND sql LIKE '%a.k % 3%' AND sql NOT LIKE '%LIKE%'"
    check(wait_until(lambda: cluster.query(running) and len(writer.answers) > 3, PATIENCE_S), f"{name}: a long statement runs, and inserts")
    query_id = cluster.query(running)
    replace()
    check(launches() and not launches() & before, f"{name}: another world serves")
    answered = len(writer.answers)
    check(wait_until(lambda: len(writer.answers) > answered + 3 or writer.problems, PATIENCE_S), f"{name}: inserts go on")
    slow.end()
    writer.end()
    check(slow.answers == [expected] and not slow.problems, f"{name}: the long statement is answered {slow.answers} {slow.problems}")
    check(not writer.problems, f"{name}: {len(writer.answers)} inserts without an error {writer.problems[:3]}")
    counted = cluster.query(f"SELECT count(*), count(DISTINCT n) FROM written WHERE w = '{name}'")
    check(counted == [(len(writer.answers),) * 2], f"{name}: each is there once: {counted}")
    ends = cluster.query(f"SELECT query_id FROM information_schema.queries WHERE request_id LIKE '%{name}-slow-0'")
    check(query_id and ends == query_id, f"{name}: under the query id it had: {query_id} {ends}")


def main():
    with Cluster(masters=2, workers=1, environment={"TAJO_SUPERVISE_DRAIN": "1"}) as cluster:
        cluster.query("CREATE TABLE facts (k int8, v int8)")
        cluster.query(f"INSERT INTO facts SELECT i, i % 7 FROM generate_series(1, {ROWS}) AS g(i)")
        cluster.query("CREATE TABLE written (w text, n int8)")
        expected = ask(cluster, SLOW, "alone")

        def script(name, *arguments):
            done = cluster.script(name, *arguments)
            check(done.returncode == 0, f"{name} {' '.join(arguments)} {done.stderr.strip()}")

        across(cluster, "force", expected, lambda: script("start-tajo.sh", "--force", "--drain"))
        across(cluster, "stop", expected, lambda: (script("stop-tajo.sh", "--drain"), script("start-tajo.sh")))
        left = [f.name for f in (cluster.root / "system/ha/requests").iterdir()]
        check(not left, f"no request is left {left}")
    report.end()


if __name__ == "__main__":
    main()
