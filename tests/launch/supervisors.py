"""A supervisor and a forced start at the same time: one cluster is left, it is not replaced by who missed its start, and its
endpoints stay published."""
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster, wait_until  # noqa: E402

failures = passed = 0


def check(condition, text):
    global failures, passed
    failures += not condition
    passed += bool(condition)
    print(f"{'ok    ' if condition else 'FAILED'} {text}", flush=True)


def supervisors(cluster):
    return [int(file.name.rsplit("-", 1)[1]) for file in (cluster.root / "system/ha").glob("supervisor-*")]


def launches(cluster):
    """Launches that have ranks."""
    return {file.name.split("-")[1] for file in (cluster.root / "system/ha").glob("rank-*")}


def supervised():
    return Cluster(masters=2, workers=1, start_arguments=("--supervise",))


def slept_through_the_start():
    """As one does whose host is busy, or that waits for a host that is gone."""
    with supervised() as cluster:
        cluster.query("CREATE TABLE kept (a int4); INSERT INTO kept VALUES (1), (2)")
        check(wait_until(lambda: len(supervisors(cluster)) == 1, 10), "a supervisor watches")
        pid = supervisors(cluster)[0]
        os.kill(pid, signal.SIGSTOP)
        done = cluster.script("start-tajo.sh", "--force")
        check(done.returncode == 0, f"a forced start {done.stderr}")
        new = launches(cluster)
        os.kill(pid, signal.SIGCONT)
        check(wait_until(lambda: not supervisors(cluster), 10), "the supervisor that slept through it ends")
        time.sleep(1)
        check(launches(cluster) == new and len(list((cluster.root / "system/ha").glob("master-*"))) == 2, f"the new cluster goes on, published: {new}")
        check(cluster.query("SELECT count(*) FROM kept") == [(2,)], "and answers")


def both_replace():
    """Everything dies; the operator and the supervisor act at once."""
    for wait_s in (0, 0.6, 1.2):
        with supervised() as cluster:
            cluster.query("CREATE TABLE kept (a int4); INSERT INTO kept VALUES (1), (2)")
            check(wait_until(lambda: len(supervisors(cluster)) == 1, 10), "a supervisor watches")
            subprocess.run(["pkill", "-KILL", "-f", f"tajod --config {cluster.conf}( |$)"])
            time.sleep(wait_s)
            done = cluster.script("start-tajo.sh", "--force")
            check(done.returncode == 0, f"a forced start {wait_s} s later {done.stderr}")
            new = launches(cluster)
            check(wait_until(lambda: not supervisors(cluster), 60), "the supervisor ends")
            check(len(new) == 1 and launches(cluster) == new, f"one cluster is left: {new} {launches(cluster)}")
            check(cluster.query("SELECT count(*) FROM kept") == [(2,)], "with everything")


def main():
    slept_through_the_start()
    both_replace()
    print(f"{passed} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
