"""Where the time of a start goes: start_times.py [--times N] [--supervisor]

Everything is killed, then started again: by start-tajo.sh --force on one machine, or by the supervisors of three simulated
hosts (root). Prints the medians of the parts, in ms. By hand; asserts nothing."""
import argparse
import datetime
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import hosts  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402
from launcher import Client, kill_everything  # noqa: E402

STANDS = re.compile(r"^(\S+ \S+) .*stands (\d+) ms after its process began \((.*)\)$", re.M)
PATIENCE_S = 30


def claimant(cluster, since):
    """The newest start of the rank that claimed, as its log has it: {part: ms}, from `since` on."""
    found = [m for log in (cluster.root / "logs").glob("*rank*") for m in STANDS.finditer(log.read_text())]
    stamp, total, parts = max((m.groups() for m in found), key=lambda g: g[0])
    stood = 1000 * (datetime.datetime.fromisoformat(stamp).timestamp() - since)
    split = {"until its process began": stood - int(total)}
    for part in parts.split(", "):
        name, value = part.rsplit(" ", 1)
        split[name] = int(value)
    return split, stood


def measure(cluster, begin, answered):
    split, stood = claimant(cluster, begin)
    split["first view to first answer"] = 1000 * (answered - begin) - stood
    split["in all"] = 1000 * (answered - begin)
    return split


def by_hand(times):
    with Cluster(masters=3, workers=2) as cluster:
        cluster.query("CREATE TABLE t (k int4)")
        for _ in range(times):
            begin = time.time()
            subprocess.run(["pkill", "-KILL", "-f", f"tajod --config {cluster.conf}( |$)"], check=True)
            cluster.start(force=True)
            cluster.query("SELECT count(*) FROM t")
            yield measure(cluster, begin, time.time())


def supervised(times):
    with Cluster(masters=3, workers=3, hosts=3, settings={"tajo.cluster.network": hosts.NETWORK + ".0/24"},
                 start_arguments=["--supervise"]) as cluster:
        cluster.query("CREATE TABLE t (k int4)")
        for n in range(times):
            wait_until(lambda: len(list((cluster.root / "system/ha").glob("supervisor-*"))) == 3, PATIENCE_S)
            client = Client(cluster, n % 3)
            client.ask("SELECT 1", f"before-{n}")
            time.sleep(1)
            begin = time.time()
            kill_everything(cluster)
            client.ask("SELECT count(*) FROM t", f"after-{n}")
            yield measure(cluster, begin, time.time())
            time.sleep(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--supervisor", action="store_true")
    arguments = parser.parse_args()
    rows = list((supervised if arguments.supervisor else by_hand)(arguments.times))
    for part in rows[0]:
        values = [row.get(part, 0) for row in rows]
        print(f"{part:32} {statistics.median(values):6.0f}   worst {max(values):6.0f}")


if __name__ == "__main__":
    main()
