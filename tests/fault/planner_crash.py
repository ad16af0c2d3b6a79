"""A master dies while it plans a statement: planner_crash.py. An innocent statement is planned again by the successor and gets
its answer; one that takes two masters along is refused by the third, and the cluster serves on."""
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster, wait_until  # noqa: E402


def run(times, statement):
    """The failpoint fires at `times` masters one after another while `statement` is planned; its outcome."""
    trigger = pathlib.Path(f"/tmp/tajo-planner-{time.time_ns()}")
    with Cluster(masters=3, workers=2, environment={"TAJO_FAILPOINT": f"plan_statement:1:{trigger}"}) as cluster:
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
        try:
            cursor.execute(statement)
            outcome = cursor.fetchall()
        except Exception as e:  # noqa: BLE001: the refusal is an outcome
            outcome = getattr(e, "pgcode", None) or str(e).strip()
        done.set()
        thread.join()
        fired = armed[0] - trigger.exists()
        trigger.unlink(missing_ok=True)
        cursor.execute("SELECT count(*) FROM t")
        count = cursor.fetchone()[0]
        masters = sum(role in ("active", "backup") for _, _, role, _ in cluster.members(2))
    return outcome, fired, count, masters


def main():
    failures = 0
    for name, times, wanted, left in (("an innocent statement", 1, [(6,)], 2), ("a statement that kills whoever plans it", 2, "XX000", 1)):
        outcome, fired, count, masters = run(times, "SELECT sum(a) FROM t")
        good = outcome == wanted and fired == times and count == 3 and masters == left
        failures += not good
        print(f"{'ok    ' if good else 'FAILED'} {name}: {outcome}; {fired} masters lost, {masters} left", flush=True)
    print(f"{2 - failures} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
