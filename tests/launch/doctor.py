"""tajo doctor: a healthy directory, and one broken thing at a time, each found with its remedy, with nothing left behind."""
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import ROOT, Cluster  # noqa: E402
from report import Report  # noqa: E402

BIN = pathlib.Path(os.environ.get("TAJO_BIN", ROOT / "build/release/bin"))
MPIRUN = next((p for p in (ROOT / ".env/bin/mpirun",) if p.exists()), pathlib.Path(shutil.which("mpirun") or "mpirun"))
report = Report()
check = report.check


def doctor(cluster, environment=None, limit=None, before=()):
    def lower():
        if limit:
            resource.setrlimit(limit[0], (limit[1], limit[1]))
    done = subprocess.run([*before, str(BIN / "tajo"), "--config", str(cluster.conf), "doctor"], env={**cluster.environment, "TAJO_DOCTOR_PATIENCE": "20", **(environment or {})},
                          capture_output=True, text=True, timeout=120, preexec_fn=lower)
    left = subprocess.run(["pgrep", "-f", f"tajo --config {cluster.conf} doctor"], capture_output=True, text=True).stdout.split()
    return done.returncode, done.stdout + done.stderr, left


def finds(name, grade, *words, settings=None, change=lambda cluster: None, **how):
    """The run names all words in one line of that grade, followed by its remedy."""
    cluster = Cluster(masters=2, workers=2, settings=settings)
    change(cluster)
    code, text, left = doctor(cluster, **how)
    lines = text.splitlines()
    hits = [i for i, line in enumerate(lines) if line.startswith(grade) and all(w in line for w in words)]
    check(hits and i_has_remedy(lines, hits[0]), f"{name}: {lines[hits[0]] if hits else text}")
    check((code != 0) == (grade == "ERROR") and not left, f"{name}: exit status {code}, nothing left running {left}{'' if (code != 0) == (grade == 'ERROR') else text}")
    check(not list(cluster.root.glob(".doctor-*")), f"{name}: no file left")
    shutil.rmtree(cluster.directory, ignore_errors=True)


def i_has_remedy(lines, i):
    return i + 1 < len(lines) and lines[i + 1].strip().startswith("->")


def script(cluster, text):
    path = cluster.directory / "fake-mpirun"
    path.write_text("#!/bin/bash\n" + text)
    path.chmod(0o755)
    return path


def with_mpirun(name, text, *words):
    cluster = Cluster(masters=2, workers=2)
    fake = script(cluster, text)
    code, out, left = doctor(cluster, environment={"TAJO_MPIRUN": str(fake)})
    lines = out.splitlines()
    hits = [i for i, line in enumerate(lines) if line.startswith("ERROR") and all(w in line for w in words)]
    check(len(hits) == 1 and i_has_remedy(lines, hits[0]) and code == 1, f"{name}: {lines[hits[0]] if hits else out}")
    check(not left, f"{name}: nothing left running")
    shutil.rmtree(cluster.directory, ignore_errors=True)


def main():
    cluster = Cluster(masters=2, workers=2)
    code, text, left = doctor(cluster)
    check(code == 0 and "ERROR" not in text and not left, f"a healthy directory:\n{text}")
    check("each with one winner" in text and "fault tolerance is on" in text, "the race for slots and MPI are there")
    check(not cluster.root.exists(), "a root directory that was not there is not there afterwards")
    shutil.rmtree(cluster.directory, ignore_errors=True)

    finds("an unknown key", "ERROR", "configuration", "tajo.master.ha.enabel", settings={"tajo.master.ha.enabel": "true"})
    finds("an unknown host", "ERROR", "no-such-host.invalid", "not known", change=lambda c: (c.conf / "workers").write_text("localhost\nno-such-host.invalid\n"))
    finds("an unwritable rootdir", "ERROR", "rootdir", "/proc/nowhere", settings={"tajo.rootdir": "file:///proc/nowhere"})
    finds("an unwritable tmpdir", "ERROR", "tmpdir", "/proc/tmp", settings={"tajo.worker.tmpdir.locations": "/proc/tmp"})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finds("a busy port", "ERROR", "ports", f"{port} (tajo.master.client-rpc.address) is in use",
              change=lambda c: (c.conf / "masters").write_text(f"localhost:{port}:{c.web_ports[0]}\n"))
    finds("few descriptors", "ERROR", "descriptors", "400 a process", limit=(resource.RLIMIT_NOFILE, 400))
    finds("a limit on files", "ERROR", "limits", "larger than 1024 MiB", limit=(resource.RLIMIT_FSIZE, 1 << 30))
    leftover = pathlib.Path(f"/dev/shm/sm_segment.doctor-test.{os.getpid()}")
    leftover.write_bytes(b"x" * 4096)
    finds("a leftover segment", "warning", "/dev/shm", "without a process")
    leftover.unlink()
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0:
        finds("a small /dev/shm", "ERROR", "/dev/shm", "free of 48 MiB",
              before=("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=48m tmpfs /dev/shm && exec "$@"', "sh"))
        # One program for all ranks: mpirun of Open MPI 5.0.7 crashes on several.
        with_mpirun("hosts that do not share the rootdir", f"""
case $1 in --version) exec {MPIRUN} --version ;; esac
options=() ; while [ "$1" != -n ]; do options+=("$1"); shift; done; placing=("${{@:1:4}}"); shift 4
root=$(sed -n 's|.*<value>file://\\(.*\\)</value>.*|\\1|p' "$3/tajo-site.xml" | head -1)
exec {MPIRUN} "${{options[@]}}" "${{placing[@]}}" sh -c 'if [ "$OMPI_COMM_WORLD_RANK" = 0 ]; then exec "$@"; fi
  exec unshare -m sh -c "mkdir -p \\"\\$0\\"; mount -t tmpfs tmpfs \\"\\$0\\"; exec \\"\\$@\\"" "$0" "$@"' "$root" "$@"
""", "rootdir", "is not seen here")
    else:
        print("no mount namespaces here: small /dev/shm and unshared rootdir are left out")
    with_mpirun("an mpirun of Open MPI 4", "echo 'mpirun (Open MPI) 4.1.4'", "MPI", "4.1.4: no fault tolerance")
    with_mpirun("an mpirun that does not run", "exit 1", "MPI", "does not run")
    with_mpirun("an mpirun that starts nothing", "case $1 in --version) echo 'mpirun (Open MPI) 5.0.0' ;; *) echo no route to host >&2; exit 1 ;; esac",
                "start", "no route to host")
    with_mpirun("an mpirun that hangs", "case $1 in --version) echo 'mpirun (Open MPI) 5.0.0' ;; *) sleep 100 ;; esac", "start", "did not start a process on each of: localhost")
    with_mpirun("an mpirun of another MPI", "case $1 in --version) echo 'mpirun (Open MPI) 5.0.0' ;; *) while [ \"$1\" != --host ]; do shift; done; shift 2; exec \"$@\" ;; esac",
                "MPI", "has 1 rank(s)")
    report.end()


if __name__ == "__main__":
    main()
