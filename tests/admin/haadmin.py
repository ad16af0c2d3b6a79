"""`tajo haadmin` and `tajo admin -showmasters` with Tajo's own texts, planned handovers under a load, -formatHA, a log that
is missing beside a warehouse with tables, one master without HA. Asserts no time."""
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
from cluster import Cluster, ROOT, wait_until  # noqa: E402
from load import Load  # noqa: E402

PATIENCE_S = 30
BINARIES = os.environ.get("TAJO_BIN")
failures = []


def check(condition, text):
    print(f"{'ok    ' if condition else 'WRONG '} {text}", flush=True)
    if not condition:
        failures.append(text)


def tajo(cluster, *words):
    binary = pathlib.Path(BINARIES or ROOT / "build/release/bin") / "tajo"
    where = [] if "-formatHA" in words else ["-h", cluster.environment["TAJO_PID_DIR"], "-p", ",".join(map(str, cluster.ports))]
    done = subprocess.run([binary, "--config", cluster.conf, words[0], *where, *words[1:]], capture_output=True, text=True,
                          timeout=60, env=cluster.environment)
    return (done.stdout or done.stderr).strip()


def usage_and_arguments(cluster):
    missing = "Not enough arguments: expected 1 but got 0"
    for option in ("-getState", "-transitionToActive", "-transitionToBackup"):
        check(tajo(cluster, "haadmin", option) == missing, f"{option} without a master: {missing}")
    for words in ([], ["-nonsense"]):
        text = tajo(cluster, "haadmin", *words)
        check(text.startswith("usage: haadmin [options]\n") and all(o in text for o in ("-formatHA", "-getState", "-transitionToActive", "-transitionToBackup")),
              f"haadmin {words}: its usage")


def nobody_answers(cluster):
    text = tajo(cluster, "haadmin", "-getState", "localhost:1")
    check(text == "Finding failed. - master:localhost:1", f"-getState without a cluster: {text}")
    ha = cluster.root / "system/ha"
    ha.mkdir(parents=True, exist_ok=True)
    (ha / "left").write_text("")
    held = subprocess.run(["chattr", "+i", ha], capture_output=True)   # even root cannot remove what is in it
    if held.returncode == 0:
        try:
            text = tajo(cluster, "haadmin", "-formatHA")
        finally:
            subprocess.run(["chattr", "-i", ha], check=True)
        check(text == "Cannot format ha information.", f"-formatHA that cannot: {text}")
    else:
        print("left out: -formatHA that cannot: no chattr on this filesystem")


def last_master(cluster):
    """With HA on and nobody to hand over to, that is said; not that there were no HA."""
    masters = tajo(cluster, "admin", "-showmasters").split()
    active = next(m for m in masters if tajo(cluster, "haadmin", "-getState", m) == "The master is active.")
    rank, _, index = cluster.active()
    cluster.kill(next(pid for r, pid, role, _ in cluster.members(index) if role == "backup"))
    check(wait_until(lambda: tajo(cluster, "admin", "-showmasters") == active, PATIENCE_S), "one master is left")
    text = tajo(cluster, "haadmin", "-transitionToBackup", active)
    check(text == "ERROR: there is no backup master", f"the last one cannot step back: {text}")
    check(tajo(cluster, "haadmin", "-transitionToActive", active) == "The master is active.", "and is active")


def transitions(cluster):
    masters = tajo(cluster, "admin", "-showmasters").split()
    check(len(masters) == 2, f"-showmasters: {masters}")
    state = lambda master: tajo(cluster, "haadmin", "-getState", master)  # noqa: E731
    active, backup = sorted(masters, key=lambda m: state(m) != "The master is active.")
    check((state(active), state(backup)) == ("The master is active.", "The master is backup."), "-getState knows both")
    check(state("nowhere:1") == "Cannot find the master. - master:nowhere:1", "and an unknown one")

    loads = [Load(cluster, master) for master in (0, 1)]
    for load in loads:
        load.start()
    check(tajo(cluster, "haadmin", "-transitionToBackup", active) == "The master is backup.", "the active steps back")
    check(state(backup) == "The master is active.", "the other serves")
    text = tajo(cluster, "haadmin", "-transitionToActive", active)
    check(text == "The master is active.", f"and back again: {text}")
    check(tajo(cluster, "haadmin", "-transitionToActive", active) == "The master is active.", "asked twice: nothing to do")
    for load in loads:
        load.end()
    check(all(not load.problems and load.answers for load in loads),
          f"{sum(load.answers for load in loads)} answers meanwhile, all right: {[load.problems[:2] for load in loads]}")


with Cluster(masters=2, workers=1, binaries=BINARIES) as cluster:
    cluster.query("CREATE TABLE facts (k BIGINT, v BIGINT)")
    cluster.query("INSERT INTO facts SELECT i, i * 7 FROM generate_series(1, 100000) AS g(i)")
    usage_and_arguments(cluster)
    transitions(cluster)
    refusal = "If you want to format the ha information, you must shutdown tajo masters  before formatting."
    check(tajo(cluster, "haadmin", "-formatHA") == refusal, "-formatHA is refused while a master answers")
    cluster.stop()
    check(tajo(cluster, "haadmin", "-formatHA") == "Formatting finished successfully.", "-formatHA after a stop")
    check(not list((cluster.root / "system/ha").iterdir()), "nothing is left of it")
    cluster.start()
    check(cluster.query("SELECT count(*) FROM facts") == [(100000,)], "the log was not touched")
    cluster.stop()
    shutil.move(cluster.root / "system/log", cluster.root / "lost")
    done = cluster.script("start-tajo.sh")
    check(done.returncode != 0 and "the warehouse holds tables" in done.stderr and len(done.stderr.strip().splitlines()) == 1,
          f"no log beside a warehouse: {done.stderr.strip()[:120]}")
    shutil.rmtree(cluster.root / "system/log", ignore_errors=True)
    shutil.move(cluster.root / "lost", cluster.root / "system/log")
    cluster.start()
    check(cluster.query("SELECT count(*) FROM facts") == [(100000,)], "the log is back, and so is the table")
    last_master(cluster)
    cluster.stop()
    nobody_answers(cluster)

with Cluster(masters=1, workers=1, binaries=BINARIES, settings={"tajo.master.ha.enable": "false"}) as cluster:
    cluster.query("CREATE TABLE one (x INT)")
    cluster.query("INSERT INTO one VALUES (1)")
    master = tajo(cluster, "admin", "-showmasters")
    check(tajo(cluster, "haadmin", "-transitionToBackup", master) == "HA is not enabled for this tajo cluster.", "one master without HA")
    check(tajo(cluster, "haadmin", "-transitionToActive", master) == "HA is not enabled for this tajo cluster.", "asked the other way too")
    check(tajo(cluster, "haadmin", "-getState", master) == "The master is active.", "its state")
    cluster.stop()
    cluster.start()
    check(cluster.query("SELECT x FROM one") == [(1,)], "survives a restart")

print(f"{len(failures)} failures")
sys.exit(bool(failures))
