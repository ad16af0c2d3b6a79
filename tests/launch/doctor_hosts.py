"""tajo doctor over two hosts: started there by the launch agent, it races them for slots on the filesystem they share, and
finds what only shows between hosts, each with its remedy and with nothing left on either."""
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import hosts  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402
from report import Report  # noqa: E402

SKIPPED = 77
PATIENCE_S = "20"   # a busy machine is not what is tested
report = Report()
check = report.check

# A filesystem as the other host might see it: names that were absent stay so for a while (NFS's negative cache), or creation
# that is not exclusive.
FILESYSTEM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static int is(const char *how) { const char *set = getenv("HOW"); return set && strcmp(set, how) == 0; }
int access(const char *path, int mode) {
  static double first;
  if (is("stale") && strstr(path, "/late-")) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double now = t.tv_sec + t.tv_nsec / 1e9;
    if (first == 0) first = now;
    if (now - first < 0.3) { errno = ENOENT; return -1; }
  }
  return ((int (*)(const char *, int))dlsym(RTLD_NEXT, "access"))(path, mode);
}
int symlink(const char *text, const char *path) {
  if (is("overwrites") && strstr(path, "/slot-")) unlink(path);
  return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "symlink"))(text, path);
}
"""


class Site:
    def __init__(self, **options):
        self.cluster = Cluster(masters=2, workers=2, hosts=2, settings={"tajo.cluster.network": hosts.NETWORK + ".0/24"}, **options)
        self.cluster.environment["TAJO_DOCTOR_PATIENCE"] = PATIENCE_S

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cluster.hosts.close()
        shutil.rmtree(self.cluster.directory, ignore_errors=True)

    def doctor(self, *arguments):
        """Its exit status and what it said; nothing of it is left on any host, nor below the root directory."""
        done = self.cluster.tool("tajo", "--config", str(self.cluster.conf), "doctor", *arguments)
        net = self.cluster.hosts

        def left():
            return {f"{h}:{p}": w for h in net.names if net.alive(h) for p, w in net.processes(h).items() if any(n in w for n in ("tajo", "prte", "mpirun"))}
        check(wait_until(lambda: not left(), 10) and not list(self.cluster.root.glob(".doctor-*")), f"nothing is left {left()}")
        return done.returncode, done.stdout + done.stderr

    def other_filesystem(self, how):
        """What the launch agent starts on h2 sees the filesystem through a library."""
        source, library = self.cluster.directory / "filesystem.c", self.cluster.directory / "filesystem.so"
        source.write_text(FILESYSTEM)
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        agent = self.cluster.directory / "agent"
        agent.write_text(f'#!/bin/sh\nhost=$1; shift\n[ $host != h2 ] || set -- "export LD_PRELOAD={library} HOW={how};" "$@"\nexec {self.cluster.hosts.agent} $host "$@"\n')
        agent.chmod(0o755)
        self.cluster.environment["TAJO_LAUNCH_AGENT"] = str(agent)


def finds(name, site, grade, *words, arguments=()):
    """One line of that grade has all words and a remedy below it."""
    code, text = site.doctor(*arguments)
    lines = text.splitlines()
    hits = [i for i, line in enumerate(lines) if line.startswith(grade) and all(w in line for w in words)]
    check(hits and lines[hits[0] + 1].strip().startswith("->"), f"{name}: {lines[hits[0]] if hits else text}")
    check((code != 0) == (grade == "ERROR"), f"{name}: exit status {code}; {lines[-1]}")


def healthy():
    with Site() as site:
        code, text = site.doctor()
        check(code == 0 and "ERROR" not in text and "2 host(s), 2 processes" in text, f"two hosts:\n{text}")
        race = next((line for line in text.splitlines() if "h1,h2" in line), "")
        check("slots raced for, each with one winner" in race and "one host" not in race, f"the two hosts race for slots: {race}")
        check(all(any(f" {h} " in line and subject in line for line in text.splitlines()) for h in ("h1", "h2") for subject in ("/dev/shm", "ports", "limits")),
              "each host is looked at")
        check("a new name is seen at once" in text, "look-ups of the second host are said")
        code, text = site.doctor("--hosts", "h2")
        check(code == 0 and "1 host(s)" in text and " h1 " not in text, f"--hosts h2: only that one:\n{text}")
        for file in ("masters", "workers"):
            (site.cluster.conf / file).write_text("localhost\n")
        code, text = site.doctor("--hosts", "h[1-2]")
        check(code == 0 and "2 host(s), 2 processes" in text, f"--hosts, a configuration of localhost only, Slurm's form of the list:\n{text}")
        finds("a host nobody knows", site, "ERROR", "nowhere.invalid", "not known", arguments=("--hosts", "h1,nowhere.invalid"))
        code, text = site.doctor("--host", "h1")
        check(code == 1 and text.startswith("Usage:"), f"a wrong option: {text.strip()}")


def between_hosts():
    with Site() as site:
        site.other_filesystem("stale")
        finds("names seen late", site, "warning", "h2", "stale look-ups")
        site.other_filesystem("overwrites")
        finds("creation that is not exclusive", site, "ERROR", "h1,h2", "the log would lose commits here")
    with Site() as site:
        site.cluster.root.mkdir()
        site.cluster.hosts.run("h2", ["mount", "-t", "tmpfs", "tmpfs", str(site.cluster.root)], check=True)
        finds("a root directory that is not shared", site, "ERROR", "h2", "is not seen here")
        site.cluster.environment["TAJO_DOCTOR_PATIENCE"] = "2"
        site.cluster.hosts.kill("h2")
        finds("a host that is off", site, "ERROR", "h2", "true` fails")


def main():
    if why := hosts.available():
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
    healthy()
    between_hosts()
    report.end()


if __name__ == "__main__":
    main()
