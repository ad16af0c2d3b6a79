"""How long a planned handover keeps clients waiting: handover.py [--times 50]. Prints Markdown.

Three masters, two workers; one client of each master asks without a pause while `tajo haadmin -transitionToBackup` hands over
from whoever is active. A client's gap is its longest time between two answers around one handover; beside it the same
without one, since a question takes its own time."""
import argparse
import pathlib
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
from cluster import ROOT, Cluster, wait_until  # noqa: E402
from machine import machine_and_commit  # noqa: E402

BETWEEN_S = 0.5
MASTERS = 3


class Asker(threading.Thread):
    def __init__(self, cluster, master):
        super().__init__(daemon=True)
        self.cursor = cluster.connect(master).cursor()
        self.moments, self.problems, self.ended = [], [], False

    def run(self):
        while not self.ended:
            try:
                self.cursor.execute("SELECT count(*) FROM facts")
                if self.cursor.fetchall() != [(10_000,)]:
                    self.problems.append("another answer")
            except Exception as e:  # noqa: BLE001
                self.problems.append(str(e).strip())
                return
            self.moments.append(time.monotonic())

    def gap_ms(self, begin, end):
        """The longest time without an answer between two moments."""
        inside = [m for m in self.moments if begin <= m <= end]
        return 1000 * max(b - a for a, b in zip([begin, *inside], [*inside, end]))


def active_line(cluster):
    """(epoch, HOST:PORT of the active master as -showmasters says it)"""
    rows = cluster.query("SELECT epoch, host, port FROM information_schema.cluster WHERE role = 'active'")
    return (rows[0][0], f"{rows[0][1]}:{rows[0][2]}") if rows else (0, "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=50)
    arguments = parser.parse_args()
    with Cluster(masters=MASTERS, workers=2) as cluster:
        tool = pathlib.Path(cluster.environment.get("TAJO_BIN", ROOT / "build/release/bin")) / "tajo"
        cluster.query("CREATE TABLE facts (k BIGINT)")
        cluster.query("INSERT INTO facts SELECT i FROM generate_series(1, 10000) AS g(i)")
        askers = [Asker(cluster, master) for master in range(MASTERS)]
        for asker in askers:
            asker.start()
        gaps, quiet = [], []
        for _ in range(arguments.times):
            epoch, active = active_line(cluster)
            begin = time.monotonic()
            time.sleep(BETWEEN_S)
            asked = time.monotonic()
            done = subprocess.run([tool, "--config", cluster.conf, "haadmin", "-h", cluster.environment["TAJO_PID_DIR"], "-p",
                                   ",".join(map(str, cluster.ports)), "-transitionToBackup", active],
                                  capture_output=True, text=True, timeout=60, env=cluster.environment)
            if done.stdout.strip() != "The master is backup." or not wait_until(lambda: active_line(cluster)[0] > epoch, 10):
                sys.exit(f"no handover: {done.stdout}{done.stderr}")
            time.sleep(BETWEEN_S)
            end = time.monotonic()
            quiet += [asker.gap_ms(begin, asked) for asker in askers]
            gaps += [asker.gap_ms(asked, end) for asker in askers]
        for asker in askers:
            asker.ended = True
            asker.join()
        problems = [p for asker in askers for p in asker.problems]
    print(f"{machine_and_commit()}\n\n| longest wait for an answer of a client | median ms | worst ms |\n| --- | --- | --- |")
    for what, values in ((f"around a planned handover ({arguments.times} times, {MASTERS} clients)", gaps), ("without one", quiet)):
        print(f"| {what} | {statistics.median(values):.0f} | {max(values):.0f} |")
    print(f"\n{sum(len(a.moments) for a in askers)} answers, {len(problems)} errors or wrong {problems[:3]}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
