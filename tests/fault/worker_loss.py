"""Workers that are killed or suspended while statements run: worker_loss.py [--case NAME]

Answers stay right, rows are written exactly once, the cluster keeps all remaining roles, a suspended worker comes
back as a spare. A failpoint kills a worker right after one of two consumers has read its output, in a repeatable
query and in one with LIMIT without ORDER BY below a join. A task that kills each worker it runs on ends its query, not the
cluster. Asserts no time."""
import argparse
import collections
import pathlib
import signal
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "sql", "sql/tpch"):
    sys.path.insert(0, str(HERE.parent / folder))
from cluster import Cluster, wait_until  # noqa: E402
import fetch_answers  # noqa: E402
import run_tpch  # noqa: E402

SCALE = "0.1"
PATIENCE_S = 30  # for what must come about some time; nothing here is a measurement
QUERIES = (3, 5, 9, 10, 18, 21)
LINES = 600_572
QUANTITY = 15_334_802
COPIES = 4  # so that writing takes long enough to be disturbed

failures = []


def check(condition, text):
    print(f"{'ok    ' if condition else 'WRONG '} {text}", flush=True)
    if not condition:
        failures.append(text)


def distributed(connection):
    cursor = connection.cursor()
    cursor.execute("SET tajo.optimizer.force_distributed = 'on'")
    return cursor


def workers(cluster):
    """[(rank, pid)], by rank: the QueryMaster of the only query is on the first."""
    return [(rank, pid) for rank, pid, role, _ in cluster.members() if role == "worker"]


def roles(cluster):
    return dict(collections.Counter(role for _, _, role, _ in cluster.members()))


def expect_roles(cluster, text, **wanted):
    check(wait_until(lambda: roles(cluster) == wanted, PATIENCE_S), f"{text}: {roles(cluster)}")


class Load:
    """TPC-H queries one after the other on a connection of their own, each answer compared, until it is stopped."""

    def __init__(self, cluster, answers, master):
        self.answers, self.problems, self.answered = answers, [], 0
        self.connection = cluster.connect(master)
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        cursor = distributed(self.connection)
        while not self.done.is_set():
            for query, answer in self.answers.items():
                try:
                    cursor.execute((HERE.parent / "sql" / "tpch" / f"q{query:02d}.sql").read_text())
                    problem = run_tpch.compare(cursor.fetchall(), answer)
                except Exception as e:  # noqa: BLE001: any failure of a query is a failure of the test
                    problem = str(e).strip()
                if problem:
                    self.problems.append(f"Q{query:02d}: {problem}")
                self.answered += 1
                if self.done.is_set() or self.connection.closed:
                    break
            if self.connection.closed:
                return

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.answered > 0, PATIENCE_S)
        return self

    def more(self, count):
        """Waits for that many answers from now on."""
        target = self.answered + count
        check(wait_until(lambda: self.answered >= target or not self.thread.is_alive(), PATIENCE_S), f"{count} more answers")

    def __exit__(self, kind, value, trace):
        self.done.set()
        self.thread.join()
        self.connection.close()
        check(not self.problems, f"{self.answered} answers right {self.problems[:3] or ''}")


def all_answers():
    published = fetch_answers.connect()
    return {q: fetch_answers.answer(published, q, float(SCALE)) for q in QUERIES}


def loaded(cluster):
    connection = cluster.connect()
    run_tpch.load(connection.cursor(), run_tpch.make_data(SCALE))
    return connection


def queries_case():
    """A suspended worker, a killed QueryMaster and a killed plain worker under running queries."""
    answers = all_answers()
    with Cluster(masters=2, workers=3, spares=1) as cluster:
        loaded(cluster).close()
        _, _, active = cluster.active()
        with Load(cluster, answers, active) as first, Load(cluster, answers, 1 - active) as second:
            rank, pid = workers(cluster)[-1]
            view = cluster.query("SELECT max(view) FROM information_schema.cluster")
            cluster.kill(pid, signal.SIGSTOP)
            time.sleep(1.5)
            wait_until(lambda: rank not in [r for r, _ in workers(cluster)], PATIENCE_S)
            cluster.kill(pid, signal.SIGCONT)
            expect_roles(cluster, "a suspended worker is replaced and back", active=1, backup=1, worker=3, spare=1)
            check((rank, pid, "spare") in [m[:3] for m in cluster.members()], f"rank {rank} is a spare, its process the same")
            check(cluster.query("SELECT max(view) FROM information_schema.cluster") > view, "views were committed")
            first.more(6)

            cluster.kill(workers(cluster)[0][1])
            expect_roles(cluster, "a QueryMaster's worker is killed, the spare takes its place", active=1, backup=1, worker=3)
            first.more(6)
            second.more(2)

            cluster.kill(workers(cluster)[-1][1])
            expect_roles(cluster, "a plain worker is killed", active=1, backup=1, worker=2)
            first.more(6)
            second.more(2)


def during(cluster, statement, pid, watch):
    """Runs the statement and kills the process in the middle of it; `watch` is called all the time. Its error or None."""
    result = {}
    connection = cluster.connect()
    cursor = distributed(connection)

    def run():
        try:
            cursor.execute(statement)
        except Exception as e:  # noqa: BLE001
            result["error"] = str(e).strip()

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.15)
    check(thread.is_alive(), "killed in the middle of the statement")
    cluster.kill(pid)
    while thread.is_alive():
        watch()
        thread.join(0.02)
    connection.close()
    return result.get("error")


def writes_case():
    """INSERT … SELECT and CREATE TABLE AS while workers are killed: rows exactly once, never a part of them."""
    rows = (COPIES * LINES, COPIES * QUANTITY)
    source = f"SELECT lineitem.* FROM lineitem CROSS JOIN generate_series(1, {COPIES}) AS g(i)"
    with Cluster(masters=2, workers=3) as cluster:
        connection = loaded(cluster)
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE target AS SELECT * FROM lineitem LIMIT 0")
        seen, tables = set(), set()

        def watch_rows():
            cursor.execute("SELECT count(*) FROM target")
            seen.add(cursor.fetchone()[0])

        def watch_tables():
            cursor.execute("SELECT max(num_rows) FROM information_schema.tables WHERE table_name = 'copied'")
            tables.add(cursor.fetchone()[0])

        error = during(cluster, f"INSERT INTO target {source}", workers(cluster)[-1][1], watch_rows)
        check(error is None, f"INSERT … SELECT while a worker is killed {error or ''}")
        watch_rows()
        check(seen <= {0, rows[0]}, f"row counts seen meanwhile: {sorted(seen)}")
        cursor.execute("SELECT count(*), sum(l_quantity) FROM target")
        check(cursor.fetchone() == rows, "every row is there once")
        expect_roles(cluster, "two workers are left", active=1, backup=1, worker=2)

        error = during(cluster, f"CREATE TABLE copied AS {source}", workers(cluster)[0][1], watch_tables)
        check(error is None, f"CREATE TABLE AS while its QueryMaster's worker is killed {error or ''}")
        check(tables <= {None, rows[0]}, f"rows of the new table seen meanwhile: {tables}")
        cursor.execute("SELECT count(*), sum(l_quantity) FROM copied")
        check(cursor.fetchone() == rows, "every row is there once")
        expect_roles(cluster, "one worker is left", active=1, backup=1, worker=1)
        connection.close()


REPEATABLE = "SELECT count(*), sum(l_quantity), count(DISTINCT o_orderkey) FROM lineitem JOIN orders ON l_orderkey = o_orderkey"
# Every order has lines: only if all tasks of the join had the same limited rows, so many orders are counted.
LIMITED = """SELECT count(*) FROM (
  SELECT k FROM (SELECT o_orderkey AS k, o_totalprice AS p FROM orders LIMIT 70000) AS limited
  JOIN lineitem ON k = l_orderkey WHERE p > 0 GROUP BY k) AS counted"""


def retries_of(cursor, sql):
    cursor.execute("SELECT max(task_retries) FROM information_schema.queries WHERE sql = %s", (sql,))
    return cursor.fetchone()[0] or 0


def failpoint_case():
    """A worker ends right after one of two consumers has read its output."""
    # The producer and who waited for it run again; where another attempt may give other rows, all three consumers do.
    with tempfile.TemporaryDirectory(prefix="tajo-failpoint-") as directory:
        trigger = pathlib.Path(directory) / "armed"
        with Cluster(masters=2, workers=3, spares=1, environment={"TAJO_FAILPOINT": f"task_output_read:1:{trigger}"}) as cluster:
            connection = loaded(cluster)
            cursor = distributed(connection)
            for name, sql, wanted, left, least in (("repeatable query", REPEATABLE, (LINES, QUANTITY, 150_000), 3, 1),
                                            ("LIMIT without ORDER BY below a join", LIMITED, (70_000,), 2, 4)):
                cursor.execute(sql)
                before = cursor.fetchone()
                check(before == wanted, f"{name}, undisturbed: {before}")
                trigger.touch()
                cursor.execute(sql)
                got = cursor.fetchone()
                check(not trigger.exists(), f"{name}: the failpoint was passed")
                check(got == wanted, f"{name}, a worker gone after one of two consumers has read its output: {got}")
                expect_roles(cluster, name, active=1, backup=1, worker=left)
                check(wait_until(lambda: retries_of(cursor, sql) >= least, PATIENCE_S),
                      f"{name}: {retries_of(cursor, sql)} tasks tried again, at least {least}")
            connection.close()


POISON_WORKERS = 5
ONE_STAGE = "SELECT k + 1 FROM small"                      # its only task runs where its QueryMaster is
TWO_STAGES = "SET tajo.optimizer.force_distributed = 'on'; SELECT g, count(*) FROM small GROUP BY g"  # one task scans, elsewhere


class Poison:
    """A statement that kills the workers that come to `point` with it, or (action "hold") stands still there until kill()."""

    def __init__(self, cluster, faults, sql, point, action):
        self.cluster, self.faults, self.point, self.error = cluster, faults, point, None
        self.pids = [pid for _, pid in workers(cluster)]
        for pid in self.pids:  # masters scan, too
            (faults / f"{point}.{pid}").write_text(action)
        self.master = 1 if cluster.active()[2] == 0 else 0  # serves the client, is not hit
        self.connection = cluster.connect(self.master)
        self.thread = threading.Thread(target=self.run, args=(sql,))
        self.thread.start()

    def run(self, sql):
        try:
            self.connection.cursor().execute(sql)
        except Exception as e:  # noqa: BLE001
            self.error = e

    def held(self):
        return [pid for pid in self.pids if (self.faults / f"{self.point}.{pid}.hit").exists()]

    def kill(self):
        check(wait_until(self.held, PATIENCE_S), "a worker runs the task")
        victim = self.held()[0]
        self.pids.remove(victim)
        self.cluster.kill(victim)

    def kill_active(self):
        """When the task runs again: the first loss has been counted."""
        check(wait_until(self.held, PATIENCE_S), "another worker runs the task")
        pid = self.cluster.active(self.master)[1]
        self.cluster.kill(pid)
        check(wait_until(lambda: pid not in [p for _, p, role, _ in self.cluster.members(self.master) if role], PATIENCE_S), "a backup has taken over")
        logs = list(self.cluster.directory.rglob("*rank*.log"))
        check(wait_until(lambda: any("runs on: QueryMaster" in log.read_text() for log in logs), PATIENCE_S), "and heard of the query's QueryMaster")

    def ended(self, text, dead):
        """It has failed with 58000, and so many workers are dead."""
        self.thread.join(PATIENCE_S)
        check(not self.thread.is_alive() and getattr(self.error, "pgcode", None) == "58000", f"{text}: {str(self.error).strip()}")
        for file in self.faults.iterdir():
            file.unlink()
        self.connection.close()
        there = lambda: [role for _, _, role, _ in self.cluster.members(self.master)].count("worker")  # noqa: E731
        wait_until(lambda: there() <= POISON_WORKERS - dead, PATIENCE_S)
        check(self.cluster.query("SELECT count(*) FROM small", self.master) == [(25,)], f"{text}: others are answered")
        check(there() == POISON_WORKERS - dead, f"{text}: {there()} of {POISON_WORKERS} workers are left")


def poison_case():
    """A task that kills every worker it runs on: two die, then its query fails with 58000."""
    for name, sql, point in (("one stage", ONE_STAGE, "task.scan"), ("two stages", TWO_STAGES, "task.scan"),
                             ("two stages, the result's", TWO_STAGES, "task.exchange")):  # with its QueryMaster
        for takeover in (False, True):
            text = f"{name}{', the active killed in between' if takeover else ''}"
            with tempfile.TemporaryDirectory(prefix="tajo-poison-") as directory, \
                    Cluster(masters=3, workers=POISON_WORKERS, environment={"TAJO_FAULTS": directory}) as cluster:
                cluster.query("CREATE TABLE small AS SELECT i AS k, i % 5 AS g FROM generate_series(1, 25) AS t(i)")
                poison = Poison(cluster, pathlib.Path(directory), sql, point, "hold" if takeover else "kill")
                if takeover:
                    poison.kill()
                    poison.kill_active()
                    poison.kill()
                poison.ended(text, dead=2)


CASES = {"queries": queries_case, "writes": writes_case, "failpoint": failpoint_case, "poison": poison_case}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=sorted(CASES))
    arguments = parser.parse_args()
    for name, case in CASES.items():
        if arguments.case in (None, name):
            print(f"--- {name}: {case.__doc__}", flush=True)
            case()
    print(f"{len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
