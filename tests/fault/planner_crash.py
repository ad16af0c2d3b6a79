"""A master dies while it plans a statement: planner_crash.py. An innocent statement is planned again by the successor and gets
its answer; one that takes masters along is refused, at the latest by the third, and the cluster serves on. A master
that crashes by itself leaves a note, however early it was: then the second one refuses already."""
import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster, wait_until  # noqa: E402

STATEMENT = "SELECT sum(a) FROM t"


def attempt(cursor, statement):
    try:
        cursor.execute(statement)
        return cursor.fetchall()
    except Exception as e:  # noqa: BLE001: the refusal is an outcome
        return getattr(e, "pgcode", None) or str(e).strip()


def notes(cluster):
    return [n for n in (cluster.root / "system" / "planning").glob("*.note") if n.stat().st_size > 0]


def run(failpoint, times):
    """The failpoint fires at up to `times` masters one after another while the statement is planned."""
    trigger = pathlib.Path(f"/tmp/tajo-planner-{os.getpid()}-{time.time_ns()}")
    with Cluster(masters=3, workers=2, environment={"TAJO_FAILPOINT": f"{failpoint}:1:{trigger}"}) as cluster:
        # The client of the last master: masters before it in conf/masters take over first.
        connection = cluster.connect(2)
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE t (a int4); INSERT INTO t VALUES (1), (2), (3)")
        armed = [0]
        done = threading.Event()

        def arm():
            while armed[0] < times and not done.is_set():
                if not trigger.exists():
                    trigger.touch()
                    armed[0] += 1
                time.sleep(0.005)

        thread = threading.Thread(target=arm)
        thread.start()
        wait_until(trigger.exists)
        outcome = attempt(cursor, STATEMENT)
        done.set()
        thread.join()
        fired = armed[0] - trigger.exists()
        trigger.unlink(missing_ok=True)
        # The same text as another request, and another text.
        again = attempt(cursor, STATEMENT)
        cursor.execute("SELECT count(*) FROM t")
        count = cursor.fetchone()[0]
        masters = sum(role in ("active", "backup") for _, _, role, _ in cluster.members(2))
        noted = len(notes(cluster))
    return outcome, again, fired, count, masters, noted


CASES = (
    ("an innocent statement whose master is killed", "plan_statement", 1, [(6,)], [(6,)], 1, 2, 0),
    ("whoever plans the statement is killed", "plan_statement", 2, "XX000", [(6,)], 2, 1, 0),
    ("a crash in the first microseconds of planning", "plan_crash", 3, "XX000", "XX000", 1, 2, 1),
)


def main():
    failures = 0
    for name, failpoint, times, wanted, wanted_again, deaths, left, noted in CASES:
        got = run(failpoint, times)
        outcome, again, fired, count, masters, notes_left = got
        good = (outcome, again, fired, masters, notes_left) == (wanted, wanted_again, deaths, left, noted) and count == 3
        failures += not good
        print(f"{'ok    ' if good else 'FAILED'} {name}: {outcome}, asked again {again}; {fired} masters lost, {masters} left, "
              f"{notes_left} notes", flush=True)
    print(f"{len(CASES) - failures} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
