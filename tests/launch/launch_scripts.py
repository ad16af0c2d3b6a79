"""start-tajo.sh and stop-tajo.sh: addresses, a restart that keeps everything, and wrong directories, each with one clear line
that names file and key and with nothing left running."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import ROOT, Cluster, free_ports, wait_until  # noqa: E402
from report import Report  # noqa: E402

report = Report()
check = report.check


def ranks(cluster):
    found = subprocess.run(["pgrep", "-f", f"tajod --config {cluster.conf}( |$)"], capture_output=True, text=True)
    return found.stdout.split()


def start(cluster, *arguments):
    done = subprocess.run([str(ROOT / "launch/start-tajo.sh"), "--config", str(cluster.conf), *arguments], env=cluster.environment,
                          capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr.strip()


def refused(name, *wanted, settings=None, change=lambda cluster: None, environment=None):
    cluster = Cluster(masters=1, workers=1, settings=settings)
    cluster.environment.update(environment or {})
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


def damaged_log():
    """What ranks found out after MPI stood is in their own logs, and the start says it."""
    with Cluster(masters=2, workers=1, settings={"tajo.cluster.start-timeout-sec": "12"}) as cluster:
        cluster.query("CREATE TABLE kept (a int4); INSERT INTO kept VALUES (1), (2)")
        cluster.stop()
        segments = list((cluster.root / "system/log/data").iterdir())

        def flip():
            for segment in segments:
                segment.write_bytes(bytes(b ^ 0x55 for b in segment.read_bytes()))
        flip()
        code, _, error = start(cluster, "--force")
        check(code != 0 and "rank 0 on " in error and segments[0].name in error and "are missing or wrong" in error and "did not serve" in error.splitlines()[-1],
              f"a damaged log: {error}")
        check(wait_until(lambda: not ranks(cluster), 10), "a damaged log: nothing is left running")
        flip()
        code, _, error = start(cluster, "--force")
        check(code == 0 and cluster.query("SELECT count(*) FROM kept") == [(2,)], f"restored, it serves {error}")


def numbers_again():
    """A process number comes again: what a killed launcher that had it left is in nobody's way."""
    temporary = pathlib.Path(tempfile.mkdtemp(prefix="tajo-test-"))
    cluster = Cluster(masters=1, workers=1)
    cluster.environment["TMPDIR"] = str(temporary)
    last = int(pathlib.Path("/proc/loadavg").read_text().split()[4])
    for pid in range(last, last + 1000):
        for name in (f"ompi.{pid}", f"prterun.{os.uname().nodename}.{pid}.{os.getuid()}"):
            (temporary / name).mkdir()
            (temporary / name / f"pmix.{os.uname().nodename}.tool").touch()
    code, _, error = start(cluster)
    check(code == 0 and cluster.query("SELECT 1") == [(1,)], f"a start among what killed launchers left {error}")
    cluster.stop()
    for directory in (cluster.directory, temporary):
        shutil.rmtree(directory)


def mpirun_tajod(cluster, *options):
    mpirun = ROOT / ".env/bin/mpirun" if (ROOT / ".env/bin/mpirun").exists() else "mpirun"
    tajod = pathlib.Path(cluster.environment.get("TAJO_BIN", ROOT / "build/release/bin")) / "tajod"
    return [str(ROOT / "launch/become-mpirun.sh"), str(mpirun), "--bind-to", "none", "--oversubscribe", *options, str(tajod), "--config", str(cluster.conf)]


def refused_mpirun():
    """tajod under a wrong mpirun says so, and has touched nothing of the root directory."""
    for name, options, wanted in (("too few ranks", ("--with-ft", "ulfm", "-n", "2"), "asks for 3; "), ("too many ranks", ("--with-ft", "ulfm", "-n", "4"), "asks for 3; "),
                                  ("no fault tolerance", ("-n", "3"), "--with-ft ulfm")):
        cluster = Cluster(masters=2, workers=1)
        done = subprocess.run(mpirun_tajod(cluster, *options), env=cluster.environment, capture_output=True, text=True, timeout=60)
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("tajod: ")]
        check(done.returncode != 0 and said and wanted in said[0], f"mpirun with {name}: {said[:1]}")
        check(not cluster.root.exists(), f"mpirun with {name}: the root directory is untouched {sorted(cluster.root.rglob('*')) if cluster.root.exists() else ''}")
        shutil.rmtree(cluster.directory)


def plain_mpirun():
    """tajod under mpirun alone: Ctrl-C ends it, and the log ends in good order."""
    cluster = Cluster(masters=2, workers=1)
    job = subprocess.Popen(mpirun_tajod(cluster, "--with-ft", "ulfm", "-n", "3"), env=cluster.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

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


def late_rank(cluster):
    prefix = cluster.directory / "prefix"
    prefix.write_text('#!/bin/sh\n[ "$PMIX_RANK" != 1 ] || exec sleep 600\nexec "$@"\n')
    prefix.chmod(0o755)
    cluster.environment["TAJO_RANK_PREFIX"] = str(prefix)


def busy_ports():
    """The line of masters or the key that says the port is named, of both ports."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for name, line in (("client", "localhost:{taken}:{web}"), ("web", "localhost:{client}:{taken}")):
            refused(f"a busy {name} port of masters", "masters:2: ", f"port {port} is in use",
                    change=lambda c: (c.conf / "masters").write_text("# a comment\n" + line.format(taken=port, client=c.ports[0], web=c.web_ports[0]) + "\n"))
        free = free_ports(1)[0]
        for key, other in (("client-rpc", "info-http"), ("info-http", "client-rpc")):
            refused(f"a busy {key} port of tajo-site.xml", f"tajo-site.xml: tajo.master.{key}.address: port {port} is in use",
                    settings={f"tajo.master.{key}.address": f"localhost:{port}", f"tajo.master.{other}.address": f"localhost:{free}"},
                    change=lambda c: (c.conf / "masters").write_text("localhost\n"))


def pid_directory():
    """One that is not the user's alone is refused as it is, by tajod too; in one that is, others' files stay."""
    def shared(mode, owner=None):
        def change(cluster):
            directory = pathlib.Path(cluster.environment["TAJO_PID_DIR"])
            directory.mkdir(mode=mode)
            directory.chmod(mode)
            if owner is not None:
                os.chown(directory, owner, -1)
        return change

    refused("a TAJO_PID_DIR that others may read", "TAJO_PID_DIR", "mode 0700", change=shared(0o755))
    cluster = Cluster(masters=1, workers=1)
    shared(0o1777)(cluster)
    code, _, error = start(cluster)
    directory = pathlib.Path(cluster.environment["TAJO_PID_DIR"])
    check(code != 0 and "TAJO_PID_DIR" in error and directory.stat().st_mode & 0o7777 == 0o1777, f"one like /tmp is left as it is: {error}")
    done = subprocess.run(mpirun_tajod(cluster, "--with-ft", "ulfm", "-n", "2"), env=cluster.environment, capture_output=True, text=True, timeout=60)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("tajod: ")]
    check(done.returncode != 0 and said and "TAJO_PID_DIR" in said[0], f"tajod refuses it too: {said[:1]}")
    directory.chmod(0o700)
    foreign = directory / ".s.PGSQL.5432"
    foreign.write_text("")
    cluster.start()
    own = directory / f".s.PGSQL.{cluster.ports[0]}"
    check(own.exists(), "one with mode 0700 is used")
    cluster.stop()
    check(foreign.exists() and not own.exists(), "and a stop removes the cluster's own sockets only")
    shutil.rmtree(cluster.directory)
    if os.geteuid() == 0:
        refused("a TAJO_PID_DIR of another user", "TAJO_PID_DIR", "root's own", change=shared(0o700, owner=65534))


def environment_wins():
    cluster = Cluster(masters=1, workers=1)
    of_file, logs = cluster.directory / "of-file", cluster.directory / "logs"
    (cluster.conf / "tajo-env.sh").write_text(f"export TAJO_PID_DIR={of_file}\nexport TAJO_LOG_DIR={of_file}-logs\n")
    cluster.environment["TAJO_LOG_DIR"] = str(logs)
    with cluster:
        check(cluster.query("SELECT 1") == [(1,)] and list(logs.glob("*rank*")), "TAJO_PID_DIR and TAJO_LOG_DIR of the environment win over tajo-env.sh")
        check(not list(cluster.directory.glob("of-file*")), "nothing is written where the file says")


def ignored_keys():
    key = "tajo.worker.info-http.address"
    cluster = Cluster(masters=2, workers=1, settings={key: "0.0.0.0:28080"})
    code, _, error = start(cluster)
    check(code == 0 and len(error.splitlines()) == 1 and key in error and "ignored" in error, f"a key that has no meaning here: one warning: {error}")
    logged = [line for log in (cluster.root / "logs").glob("*rank*") for line in log.read_text().splitlines() if key in line]
    check(len(logged) == 1, f"and one in the logs: {logged}")
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
    damaged_log()
    numbers_again()
    plain_mpirun()
    refused("an unknown key", "tajo-site.xml", "tajo.master.ha.enabel", "tajo.master.ha.enable", settings={"tajo.master.ha.enabel": "true"})
    refused("a wrong value", "tajo-site.xml", "tajo.master.ha.monitor.interval", settings={"tajo.master.ha.monitor.interval": "soon"})
    for key in ("TAJO_PID_DIR", "TAJO_LOG_DIR"):
        refused(f"an unwritable {key}", f"start-tajo.sh: {key}: \"/proc/nowhere\"", environment={key: "/proc/nowhere"})
    refused("an unwritable TAJO_LOG_DIR of the file", "tajo-env.sh: TAJO_LOG_DIR: \"/proc/nowhere\"",
            change=lambda c: (c.conf / "tajo-env.sh").write_text("TAJO_LOG_DIR=/proc/nowhere\n"))
    refused("an unwritable rootdir beside a TAJO_LOG_DIR", "tajo-site.xml: tajo.rootdir", "/proc/nowhere", settings={"tajo.rootdir": "file:///proc/nowhere"},
            change=lambda c: c.environment.update(TAJO_LOG_DIR=str(c.directory / "logs")))
    refused("a rank that never comes", "the start is not complete after 3 s", "waiting for", settings={"tajo.cluster.start-timeout-sec": "3"}, change=late_rank)
    refused("an unwritable rootdir", "tajo.rootdir", "/proc/nowhere", settings={"tajo.rootdir": "file:///proc/nowhere"})
    refused("an unknown host", "masters:1:", "no-such-host.invalid", change=lambda c: (c.conf / "masters").write_text("no-such-host.invalid\n"))
    refused("a wrong worker line", "workers:1", "slots=many", change=lambda c: (c.conf / "workers").write_text("localhost slots=many\n"))
    refused("broken XML", "tajo-site.xml", change=lambda c: (c.conf / "tajo-site.xml").write_text("<configuration><property>"))
    busy_ports()
    pid_directory()
    environment_wins()
    ignored_keys()
    refused_mpirun()
    report.end()


if __name__ == "__main__":
    main()
