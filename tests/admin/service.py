"""Workers leave and return while queries run, and no query fails: `tajo admin -decommission`, `-recommission`.
A spare takes the place of who leaves; who is decommissioned stays a spare, also over a failover. Asserts no time."""
import collections
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
from cluster import Cluster, ROOT, wait_until  # noqa: E402
from load import Load  # noqa: E402

PATIENCE_S = 30
ROWS = 300_000
failures = []


def check(condition, text):
    print(f"{'ok    ' if condition else 'WRONG '} {text}", flush=True)
    if not condition:
        failures.append(text)


def admin(cluster, *arguments):
    binary = pathlib.Path(cluster.environment.get("TAJO_BIN", ROOT / "build/release/bin")) / "tajo"
    done = subprocess.run([binary, "admin", "-h", cluster.environment["TAJO_PID_DIR"], "-p", ",".join(map(str, cluster.ports)),
                           *arguments], capture_output=True, text=True, timeout=60, env=cluster.environment)
    return done.returncode, (done.stdout or done.stderr).strip()


def states(cluster, master=0):
    return {rank: (role, status) for rank, role, status in
            cluster.query("SELECT rank, role, status FROM information_schema.cluster ORDER BY rank", master)}


with Cluster(masters=2, workers=2, spares=1, binaries=os.environ.get("TAJO_BIN")) as cluster:
    cluster.query("CREATE TABLE facts (k BIGINT, v BIGINT)")
    cluster.query(f"INSERT INTO facts SELECT i, i * 7 FROM generate_series(1, {ROWS}) AS g(i)")
    backup = 1 - cluster.active()[2]
    load = Load(cluster, backup)
    load.start()

    code, text = admin(cluster, "-decommission", "nowhere")
    check(code != 0 and '"nowhere"' in text, f"an unknown host is named: {text}")
    code, text = admin(cluster, "-decommission", "localhost")
    check(code != 0 and "last workers" in text, f"the last workers stay: {text}")

    leaver = next(rank for rank, (role, _) in states(cluster).items() if role == "worker")
    spare = next(rank for rank, (role, _) in states(cluster).items() if role == "spare")
    code, text = admin(cluster, "-decommission", str(leaver))
    check(code == 0 and text == f"{leaver} is decommissioned.", f"a worker leaves: {text}")
    check(states(cluster)[leaver] == ("spare", "DECOMMISSIONED"), f"it is a spare: {states(cluster)[leaver]}")
    check(wait_until(lambda: states(cluster)[spare] == ("worker", "RUNNING"), PATIENCE_S), "the spare has taken its place")

    rank, pid, active = cluster.active()
    cluster.kill(pid)
    check(wait_until(lambda: states(cluster, backup).get(leaver) == ("spare", "DECOMMISSIONED"), PATIENCE_S) and
          cluster.active(backup)[0] != rank, "it stays out of service under the next active")
    cluster.kill(next(pid for r, pid, _, _ in cluster.members(backup) if r == spare))
    check(wait_until(lambda: spare not in states(cluster, backup), PATIENCE_S) and
          states(cluster, backup)[leaver] == ("spare", "DECOMMISSIONED"), "also when a worker is lost")

    code, text = admin(cluster, "-recommission", str(leaver))
    check(code == 0 and text == f"{leaver} is recommissioned.", f"it comes back: {text}")
    check(wait_until(lambda: states(cluster, backup)[leaver] == ("backup", "RUNNING"), PATIENCE_S),
          "and takes the lost master's place, which matters more than a second worker's")
    load.end()

    def takes_clients():
        try:
            return cluster.query("SELECT count(*) FROM facts", active) == [(ROWS,)]
        except Exception:  # noqa: BLE001: it is about to listen
            return False

    check(wait_until(takes_clients, PATIENCE_S), "clients of the lost master's port find the rank that took its place")
    listed = lambda: any(r == leaver and port == cluster.ports[active] for r, _, _, port in cluster.members(backup))  # noqa: E731
    check(wait_until(listed, PATIENCE_S), "which is listed with that port")
    check(not load.problems and load.answers > 0, f"{load.answers} answers meanwhile, all right: {load.problems[:2]}")
    print(dict(collections.Counter(role for role, _ in states(cluster, backup).values())))

print(f"{len(failures)} failures")
sys.exit(bool(failures))
