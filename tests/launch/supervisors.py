"""A supervisor and a forced start at the same time: one cluster is left, it is not replaced by who missed its start, and its
endpoints stay published. One that dies before a planned relaunch has begun leaves the cluster as it was."""
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import ROOT, Cluster, wait_until  # noqa: E402
from report import Report  # noqa: E402

report = Report()
check = report.check


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


def dies_while_it_drains():
    """Statements wait already; another supervisor finds that nobody was replaced, and is there for the next wish."""
    settings = {"tajo.cluster.start-timeout-sec": "10"}
    with Cluster(masters=2, workers=1, settings=settings, environment={"TAJO_SUPERVISE_DRAIN": "4"}, start_arguments=("--supervise",)) as cluster:
        cluster.query("CREATE TABLE kept (a int4)")
        cluster.query("INSERT INTO kept SELECT i FROM generate_series(1, 100000) AS g(i)")
        second = subprocess.Popen([ROOT / "launch/supervise.sh", "--config", cluster.conf], env=cluster.environment, stdout=subprocess.DEVNULL)
        check(wait_until(lambda: len(supervisors(cluster)) == 2, 10), "two supervisors watch")
        old = launches(cluster)
        slow = threading.Thread(target=lambda: cluster.query("SELECT count(*) FROM kept x JOIN kept y ON x.a % 9 = y.a % 9"))
        slow.start()
        (cluster.root / "system/ha/requests/resize").write_text("2\n")
        check(wait_until(lambda: list((cluster.root / "system/ha/requests").glob("drain-*")), 10), "one of them drains")
        link = next((cluster.root / "system/ha").glob("after-*"))
        os.kill(int(os.readlink(link).rsplit(".", 1)[1]), signal.SIGKILL)
        check(wait_until(lambda: not link.is_symlink(), 40), "it dies; the other sees that nothing came of it")
        check(cluster.query("SELECT count(*) FROM kept") == [(100000,)] and launches(cluster) == old, "the cluster goes on, and answers")
        slow.join()
        done = cluster.tool("tajo", "--config", str(cluster.conf), "admin", "-resize", "2")
        check("2 workers serve" in done.stdout, f"the next wish is granted: {done.stdout.strip()} {done.stderr.strip()}")
        check(cluster.query("SELECT count(*) FROM kept") == [(100000,)], "with everything")
    second.wait(20)


def main():
    slept_through_the_start()
    both_replace()
    dies_while_it_drains()
    report.end()


if __name__ == "__main__":
    main()
