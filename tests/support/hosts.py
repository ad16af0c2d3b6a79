"""Several hosts on one machine, as root: each is a network, process, mount and UTS namespace with its own /proc, /dev/shm,
/etc/hosts and node-local directory; a switch in a namespace of its own joins them. Nothing of the machine is changed, and
everything ends with the process that made it.

    with Hosts(3, directory) as hosts:
        hosts.run("h1", ["hostname"])       # as if logged in there
        hosts.cut("h2"); hosts.heal("h2")   # its cable; way="in" or "out": one direction only
        hosts.kill("h3"); hosts.boot("h3")  # power loss, every process of it at once; and back again
"""
import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import time

SUPPORT = pathlib.Path(__file__).resolve().parent
NETWORK = "10.77.0"
BOOT_S = 20
PR_SET_PDEATHSIG = 1
PROCESSES = 100_000   # numbers of processes that each host has for itself: no two hosts give the same one
NOWHERE = "02:00:00:00:00:ee"   # no host's address: frames to it are lost without a word, which cuts one direction


def available():
    """Empty when this process may make hosts, else why not."""
    if os.geteuid() != 0:
        return "simulated hosts need root (namespaces)"
    probe = subprocess.run(["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True)
    return "" if probe.returncode == 0 else f"no namespaces here: {probe.stderr.strip()}"


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Hosts:
    def __init__(self, count, directory):
        self.names = [f"h{i + 1}" for i in range(count)]
        self.directory = pathlib.Path(directory)
        self.local = self.directory / "local"    # node-local on every host
        self.inits = {}                          # name → the unshare process, whose child is the host's first process
        self.directory.mkdir(parents=True, exist_ok=True)
        self.local.mkdir(exist_ok=True)
        self.hosts_file = self.directory / "hosts"
        self.hosts_file.write_text("127.0.0.1 localhost\n" + "".join(f"{self.address(n)} {n}\n" for n in self.names))
        self.agent = self.directory / "host-agent"
        self.agent.write_text(f"#!/bin/sh\nexec {sys.executable} {SUPPORT / 'host_agent.py'} \"$@\"\n")
        self.agent.chmod(0o755)
        self.switch = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], preexec_fn=die_with_parent)
        try:
            self._until(lambda: os.readlink(f"/proc/{self.switch.pid}/ns/net") != os.readlink("/proc/self/ns/net"), "the switch")
            self._switch("ip", "link", "add", "br0", "type", "bridge")
            self._switch("ip", "link", "set", "br0", "up")
            for name in self.names:
                self.boot(name)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        for name in list(self.inits):
            self.kill(name)
        self.switch.kill()
        self.switch.wait()

    def address(self, name):
        return f"{NETWORK}.{self.names.index(name) + 1}"

    def boot(self, name):
        ready = self.directory / f"ready-{name}"
        ready.unlink(missing_ok=True)
        hold = self.directory / f"cabled-{name}"
        hold.unlink(missing_ok=True)
        command = f"while [ ! -e {hold} ]; do sleep 0.02; done; exec {sys.executable} {SUPPORT / 'host_init.py'} " \
                  f"{name} {self.address(name)} {self.hosts_file} {self.local} {(self.names.index(name) + 1) * PROCESSES} {ready}"
        init = subprocess.Popen(["unshare", "--net", "--uts", "--mount", "--ipc", "--pid", "--fork", "--kill-child",
                                 "--propagation", "private", "sh", "-c", command], preexec_fn=die_with_parent, start_new_session=True,
                                stderr=open(self.directory / f"boot-{name}.err", "w"))
        self.inits[name] = init
        self._until(lambda: self._first(name) is not None, f"host {name}")
        first = self._first(name)
        port = self._port(name)
        self._switch("ip", "link", "del", port, check=False)
        self._switch("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(first))
        self._switch("ip", "link", "set", port, "master", "br0", "up")
        inside = ["nsenter", "-t", str(first), "--net", "ip"]
        card = f"02:00:00:00:00:{self.names.index(name) + 1:02x}"   # the same after each boot, as of a real card
        for words in (["link", "set", "eth0", "address", card], ["addr", "add", f"{self.address(name)}/24", "dev", "eth0"], ["link", "set", "eth0", "up"], ["link", "set", "lo", "up"]):
            subprocess.run(inside + words, check=True)
        hold.write_text("")
        self._until(ready.exists, f"host {name}")

    def kill(self, name):
        """Power loss: every process of the host at once."""
        init = self.inits.pop(name)
        first = self._first_of(init.pid)
        if first is not None:
            os.kill(first, signal.SIGKILL)
        init.wait()

    def cut(self, name, way="both"):
        """`way`: both, in (nothing reaches the host), out (nothing leaves it)."""
        others = [n for n in self.names if n != name and self.alive(n)]
        if way == "both":
            self._switch("ip", "link", "set", self._port(name), "down")
        for other in others if way in ("in", "out") else []:
            here, there = (other, name) if way == "in" else (name, other)
            self._neighbour(here, "replace", self.address(there), "lladdr", NOWHERE, "nud", "permanent")

    def heal(self, name):
        self._switch("ip", "link", "set", self._port(name), "up")
        for other in self.names:
            if other != name and self.alive(other) and self.alive(name):
                self._neighbour(other, "del", self.address(name))
                self._neighbour(name, "del", self.address(other))

    def alive(self, name):
        return name in self.inits and self.inits[name].poll() is None

    def path(self, name, path):
        """A path of the host's own mounts, as this process can open it."""
        return f"/proc/{self._first(name)}/root{path}"

    def enter(self, name):
        """Words before a command that make it run on the host."""
        return ["nsenter", "-t", str(self._first(name)), "--net", "--uts", "--ipc", "--mount", "--pid", "--"]

    def run(self, name, command, **options):
        return subprocess.run(self.enter(name) + [str(w) for w in command], **options)

    def processes(self, name):
        """{pid as the host sees it: command line}, without the host's own first processes."""
        found = {}
        for entry in pathlib.Path(self.path(name, "/proc")).glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            text = b" ".join(words).decode(errors="replace").strip()
            if text and "host_init.py" not in text:
                found[int(entry.name)] = text
        return found

    def kill_process(self, name, pid, sig=signal.SIGKILL):
        self.run(name, ["kill", f"-{int(sig)}", str(pid)], check=True)

    def _port(self, name):
        return f"v{self.names.index(name) + 1}"

    def _neighbour(self, name, *words):
        subprocess.run(["nsenter", "-t", str(self._first(name)), "--net", "ip", "neigh", *words, "dev", "eth0"], capture_output=True)

    def _first(self, name):
        return self._first_of(self.inits[name].pid)

    @staticmethod
    def _first_of(pid):
        try:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return None
        return int(children[0]) if children else None

    def _switch(self, *command, check=True):
        subprocess.run(["nsenter", "-t", str(self.switch.pid), "--net", *command], check=check, capture_output=not check)

    @staticmethod
    def _until(condition, what):
        end = time.time() + BOOT_S
        while not condition():
            if time.time() > end:
                raise RuntimeError(f"{what} did not come up")
            time.sleep(0.01)
