"""kill -9 of the active master under a running query, again and again: failover.py [--kills N]

Each round starts from a full cluster of three masters and two workers. A client of the backup keeps its
connection and gets every answer; inserts are counted exactly once; the history keeps the killed master's queries.
Prints the time until the next statement is answered, and Markdown of all; asserts no time."""
import argparse
import pathlib
import statistics
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "bench")]
from cluster import Cluster  # noqa: E402
from machine import machine_and_commit  # noqa: E402

ROWS = 200_000


def run_round(number):
    problems, answered = [], None
    with Cluster(masters=3, workers=2) as cluster:
        admin = cluster.connect()
        cursor = admin.cursor()
        cursor.execute("CREATE TABLE t (k int8, v int8)")
        cursor.execute(f"INSERT INTO t SELECT i, i % 7 FROM generate_series(1, {ROWS}) AS g(i)")
        cursor.execute("CREATE TABLE log (n int4)")
        _, pid, active = cluster.active()
        backup = (active + 1) % 3
        client = cluster.connect(backup)
        work = client.cursor()
        work.execute("SELECT count(*), sum(v) FROM t")
        expected = work.fetchall()
        done = threading.Event()
        inserted = []

        def writer():
            own = cluster.connect(backup)
            c = own.cursor()
            n = 0
            while not done.is_set():
                try:
                    c.execute(f"INSERT INTO log VALUES ({n})")
                    inserted.append(n)
                except Exception as e:  # noqa: BLE001
                    problems.append(f"insert {n}: {str(e).strip()}")
                n += 1
            own.close()

        def reader():
            own = cluster.connect(backup)
            c = own.cursor()
            while not done.is_set():
                try:
                    c.execute("SELECT count(*), sum(t.v) FROM t JOIN t AS u ON t.k = u.k")
                    if c.fetchall() != expected:
                        problems.append("wrong answer")
                except Exception as e:  # noqa: BLE001
                    problems.append(f"select: {str(e).strip()}")
            own.close()

        threads = [threading.Thread(target=f) for f in (writer, reader)]
        for t in threads:
            t.start()
        time.sleep(0.5)
        before = len(inserted)
        cluster.kill(pid)
        killed = time.time()
        work.execute("SELECT count(*), sum(v) FROM t")
        answered = time.time() - killed
        if work.fetchall() != expected:
            problems.append("wrong answer right after the takeover")
        time.sleep(0.5)
        done.set()
        for t in threads:
            t.join()
        work.execute("SELECT count(*), count(DISTINCT n), max(n) FROM log")
        count, distinct, most = work.fetchone()
        if count != distinct:
            problems.append(f"{count - distinct} inserts were applied twice")
        if count < len(inserted):
            problems.append(f"{len(inserted) - count} acknowledged inserts are lost")
        if len(inserted) <= before:
            problems.append("no insert after the takeover")
        work.execute("SELECT count(*) FROM information_schema.queries WHERE sql LIKE '%INSERT INTO t SELECT%' AND state = 'QUERY_SUCCEEDED'")
        if work.fetchone()[0] < 1:
            problems.append("the killed master's query is missing in the history")
        roles = sorted(role for _, _, role, _ in cluster.members(backup))
        if roles.count("active") != 1:
            problems.append(f"roles after the takeover: {roles}")
    print(f"round {number}: next answer after {1000 * answered:.0f} ms" + "".join(f"; {p}" for p in problems[:5]), flush=True)
    return answered, problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=3)
    arguments = parser.parse_args()
    times, wrong = [], 0
    for i in range(arguments.kills):
        answered, problems = run_round(i + 1)
        times.append(answered)
        wrong += bool(problems)
    print(f"\n{machine_and_commit()}\n\n| what | figure |\n| --- | --- |")
    print(f"| next answer after kill -9 of the active, {len(times)} times | median {1000 * statistics.median(times):.0f} ms, "
          f"worst {1000 * max(times):.0f} ms |")
    print(f"| rounds with a lost or wrong answer, an insert lost or applied twice | {wrong} |")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
