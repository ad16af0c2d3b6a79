"""start-tajo.sh and stop-tajo.sh: addresses, a restart that keeps everything, and wrong directories, each with one clear line
that names file and key and with nothing left running."""
import pathlib
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import ROOT, Cluster, wait_until  # noqa: E402

failures = passed = 0


def check(condition, text):
    global failures, passed
    failures += not condition
    passed += bool(condition)
    print(f"{'ok    ' if condition else 'FAILED'} {text}", flush=True)


def ranks(cluster):
    found = subprocess.run(["pgrep", "-f", f"tajod --config {cluster.conf}( |$)"], capture_output=True, text=True)
    return found.stdout.split()


def start(cluster):
    done = subprocess.run([str(ROOT / "launch/start-tajo.sh"), "--config", str(cluster.conf)], env=cluster.environment,
                          capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr.strip()


def refused(name, *wanted, settings=None, change=lambda cluster: None):
    cluster = Cluster(masters=1, workers=1, settings=settings)
    change(cluster)
    code, _, error = start(cluster)
    check(code != 0 and len(error.splitlines()) == 1 and all(w in error for w in wanted), f"{name}: {error}")
    check(not ranks(cluster), f"{name}: nothing is left running")
    cluster.stop()
    shutil.rmtree(cluster.directory)


def published(cluster):
    return sorted(f.name.split("-")[0] for f in (cluster.root / "system/ha").glob("*-*"))


def killed_then_started():
    """After a crash of everything a start says what to do; --force does it."""
    with Cluster(masters=2, workers=1) as cluster:
        cluster.query("CREATE TABLE kept (a int4); INSERT INTO kept VALUES (1), (2)")
        check(wait_until(lambda: published(cluster).count("master") == 2, 5), f"masters publish their endpoints: {published(cluster)}")
        endpoint = next((cluster.root / "system/ha").glob("master-*")).read_text()
        check(all(f"\n{word} " in f"\n{endpoint}" for word in ("host", "client_port", "http_port", "pid", "world", "epoch", "state")),
              f"an endpoint says host, ports, process, world, epoch, state: {endpoint.split()}")
        other = Cluster(masters=1, workers=1, settings={"tajo.rootdir": f"file://{cluster.root}"})
        code, _, error = start(other)
        check(code != 0 and "answers at localhost" in error and "--force" in error, f"another cluster on the same rootdir: {error}")
        other.stop()
        shutil.rmtree(other.directory)
        check(wait_until(lambda: not ranks(cluster), 10), "stop-tajo.sh on the same rootdir ends it, by another configuration too")
        code, _, error = start(cluster)
        check(code == 0, f"a clean stop, then a start at once {error}")
        subprocess.run(["pkill", "-KILL", "-f", f"tajod --config {cluster.conf}( |$)"])
        check(wait_until(lambda: not ranks(cluster), 5), "everything killed")
        code, _, error = start(cluster)
        check(code != 0 and len(error.splitlines()) == 1 and "was not stopped" in error and "--force" in error and " s, or" in error,
              f"a start right after: {error}")
        cluster.start(force=True)
        check(cluster.query("SELECT count(*) FROM kept") == [(2,)], "--force starts, and nothing is lost")
        cluster.stop()
        check(not list((cluster.root / "system/ha").rglob("*-*")) and not ranks(cluster), "stop withdraws everything")


def plain_mpirun():
    """tajod under mpirun alone: Ctrl-C ends it, and the log ends in good order."""
    cluster = Cluster(masters=2, workers=1)
    mpirun = ROOT / ".env/bin/mpirun" if (ROOT / ".env/bin/mpirun").exists() else "mpirun"
    tajod = pathlib.Path(cluster.environment.get("TAJO_BIN", ROOT / "build/release/bin")) / "tajod"
    job = subprocess.Popen([mpirun, "--with-ft", "ulfm", "--bind-to", "none", "--oversubscribe", "-n", "3", tajod, "--config", cluster.conf],
                           env=cluster.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def serves():
        try:
            return cluster.query("SELECT 1") == [(1,)]
        except Exception:  # noqa: BLE001
            return False
    check(wait_until(serves, 30), "mpirun tajod serves")
    job.send_signal(signal.SIGINT)
    try:
        job.wait(20)
    except subprocess.TimeoutExpired:
        job.kill()
    check(wait_until(lambda: not ranks(cluster), 5), "Ctrl-C ends it")
    code, _, error = start(cluster)
    check(code == 0, f"and start-tajo.sh works at once {error}")
    cluster.stop()
    shutil.rmtree(cluster.directory)


def main():
    with Cluster(masters=2, workers=1) as cluster:
        cluster.query("CREATE TABLE kept (a int4); INSERT INTO kept VALUES (1), (2)")
        code, _, error = start(cluster)
        check(code != 0 and "running as process" in error and "Stop it first." in error, f"starting twice: {error}")
        check(cluster.query("SELECT count(*) FROM kept") == [(2,)], "the running cluster is not disturbed")
        cluster.stop()
        check(not ranks(cluster), "stop leaves nothing running")
        code, out, error = start(cluster)
        check(code == 0 and f"Tajo Client Service: localhost:{cluster.ports[1]}" in out
              and f"Tajo master web UI: http://localhost:{cluster.web_ports[0]}" in out, f"addresses: {out.strip()!r}{error}")
        check(cluster.query("SELECT count(*) FROM kept", 1) == [(2,)], "a restart keeps the tables")
        check(cluster.query("SELECT count(*) FROM information_schema.queries WHERE sql LIKE 'CREATE TABLE kept%'") == [(1,)],
              "and the history")
        socket_mode = subprocess.check_output(["stat", "-c", "%a", cluster.environment["TAJO_PID_DIR"]], text=True).strip()
        check(socket_mode == "700", "TAJO_PID_DIR is the user's alone")

    killed_then_started()
    plain_mpirun()
    refused("an unknown key", "tajo-site.xml", "tajo.master.ha.enabel", "tajo.master.ha.enable", settings={"tajo.master.ha.enabel": "true"})
    refused("a wrong value", "tajo-site.xml", "tajo.master.ha.monitor.interval", settings={"tajo.master.ha.monitor.interval": "soon"})
    refused("an unwritable rootdir", "tajo.rootdir", "/proc/nowhere", settings={"tajo.rootdir": "file:///proc/nowhere"})
    refused("an unknown host", "masters", "no-such-host.invalid", change=lambda c: (c.conf / "masters").write_text("no-such-host.invalid\n"))
    refused("a wrong worker line", "workers:1", "slots=many", change=lambda c: (c.conf / "workers").write_text("localhost slots=many\n"))
    refused("broken XML", "tajo-site.xml", change=lambda c: (c.conf / "tajo-site.xml").write_text("<configuration><property>"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused("a busy port", "tajo.master.client-rpc.address", str(port), change=lambda c: (c.conf / "masters").write_text(f"localhost:{port}:{c.web_ports[0]}\n"))
    print(f"{passed} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
