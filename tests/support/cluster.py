"""A real cluster for tests: a configuration directory of its own, launch/start-tajo.sh, connections, kills.

    with Cluster(masters=2, workers=2) as cluster:
        connection = cluster.connect(0)          # psycopg2, Unix socket of master 0
        cluster.kill(cluster.active()[1])

    with Cluster(masters=3, workers=3, hosts=3) as cluster:   # over simulated hosts h1…h3 (hosts.py; needs root)
        cluster.hosts.kill("h2")
        cluster.connect(2)                       # the Unix socket on the third master's host
"""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psycopg2
import psycopg2.extensions

from hosts import Hosts

ROOT = pathlib.Path(__file__).resolve().parents[2]


# Below the range from which the system takes the ports of outgoing connections: one of those could take a cluster's port
# between two of its starts. Without 26000…26999, where clusters with default ports listen.
PORTS = [*range(20_000, 26_000), *range(27_000, 32_000)]


def free_ports(count):
    ports = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise RuntimeError(f"{count} ports are not free")


class Cluster:
    def __init__(self, masters=1, workers=1, spares=0, settings=None, keep=None, environment=None, binaries=None,
                 hosts=0, start_arguments=()):
        self.masters, self.workers, self.spares = masters, workers, spares
        self.directory = pathlib.Path(keep or tempfile.mkdtemp(prefix="tajo-test-"))
        self.keep = keep is not None
        self.start_arguments = start_arguments
        self.hosts = Hosts(hosts, self.directory / "net") if hosts else None
        ports = free_ports(2 * masters) if not hosts else [26002 + 100 * i for i in range(masters)] + [26080 + 100 * i for i in range(masters)]
        self.ports, self.web_ports = ports[:masters], ports[masters:]
        self.master_hosts = [f"h{i % hosts + 1}" if hosts else "localhost" for i in range(masters)]
        self.local = self.hosts.local if hosts else self.directory   # node-local
        self.conf = self.directory / "conf"
        self.root = self.directory / "root"
        self.conf.mkdir(parents=True, exist_ok=True)
        values = {"tajo.rootdir": f"file://{self.root}", "tajo.worker.tmpdir.locations": str(self.local / "tmp"),
                  "tajo.cluster.spares": str(spares), **(settings or {})}
        properties = "".join(f"<property><name>{k}</name><value>{v}</value></property>\n" for k, v in values.items())
        (self.conf / "tajo-site.xml").write_text(f"<configuration>\n{properties}</configuration>\n")
        (self.conf / "masters").write_text("".join(f"{h}:{c}:{w}\n" for h, c, w in zip(self.master_hosts, self.ports, self.web_ports)))
        slots = [workers // hosts + (i < workers % hosts) for i in range(hosts)] if hosts else [workers]
        (self.conf / "workers").write_text("".join(f"{f'h{i + 1}' if hosts else 'localhost'} slots={n}\n" for i, n in enumerate(slots) if n))
        (self.conf / "tajo-env.sh").write_text("")
        self.environment = {**os.environ, "TAJO_PID_DIR": str(self.local / "run"), "OMPI_ALLOW_RUN_AS_ROOT": "1",
                            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **(environment or {})}
        self.environment.pop("TAJO_LOG_DIR", None)
        if hosts:
            self.environment.update(TAJO_LAUNCH_AGENT=str(self.hosts.agent), TMPDIR=str(self.local / "tmp"))
        if binaries:
            self.environment["TAJO_BIN"] = str(binaries)
        self.user = subprocess.check_output(["id", "-un"], text=True).strip()

    def script(self, name, *arguments, host=None, timeout_s=120):
        """Runs launch/NAME for this cluster, with several hosts on `host` (default: the first that lives)."""
        command = [str(ROOT / "launch" / name), "--config", str(self.conf), *arguments]
        if self.hosts:
            command = self.hosts.enter(host or next(n for n in self.hosts.names if self.hosts.alive(n))) + command
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=timeout_s)

    def tool(self, name, *arguments, host=None):
        """Runs a program of the build as an operator would, with several hosts on `host`."""
        command = [str(pathlib.Path(self.environment.get("TAJO_BIN", ROOT / "build/release/bin")) / name), *arguments]
        if self.hosts:
            command = self.hosts.enter(host or self.hosts.names[0]) + command
        return subprocess.run(command, env={**self.environment, "TAJO_CONF_DIR": str(self.conf)}, capture_output=True, text=True, timeout=60)

    def start(self, force=False, host=None):
        done = self.script("start-tajo.sh", *(["--force"] if force else []), *self.start_arguments, host=host)
        if done.returncode != 0:
            self.show_logs()
            raise RuntimeError(f"start-tajo.sh: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self):
        if not self.hosts or any(self.hosts.alive(n) for n in self.hosts.names):
            return self.script("stop-tajo.sh", timeout_s=60)
        return None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.show_logs()
        self.stop()
        if self.hosts:
            self.hosts.close()
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def show_logs(self, lines=40):
        for log in sorted((self.root / "logs").glob("*")):
            print(f"--- {log.name}", file=sys.stderr)
            print("\n".join(log.read_text(errors="replace").splitlines()[-lines:]), file=sys.stderr)

    def socket_directory(self, master):
        directory, host = self.environment["TAJO_PID_DIR"], self.master_hosts[master]
        if not self.hosts:
            return directory
        if not self.hosts.alive(host):
            raise psycopg2.OperationalError(f"host {host} is down")
        return self.hosts.path(host, directory)

    def connect(self, master=0, database="default", options=None):
        connection = psycopg2.connect(host=self.socket_directory(master), port=self.ports[master], dbname=database,
                                      user=self.user, **{"connect_timeout": 20, **(options or {})})
        connection.autocommit = True
        return connection

    def query(self, sql, master=0):
        connection = self.connect(master)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def members(self, master=0):
        """[(rank, pid, role, port)]"""
        return self.query("SELECT rank, pid, role, port FROM information_schema.cluster ORDER BY rank", master)

    def active(self, master=0):
        """(rank, pid, index of the master's line)"""
        for rank, pid, role, port in self.members(master):
            if role == "active":
                return rank, pid, self.ports.index(port)
        raise RuntimeError("no active master")

    def places(self, master=0):
        """{rank: (host, pid, role)}; pids are the host's own."""
        rows = self.query("SELECT rank, host, pid, role FROM information_schema.cluster ORDER BY rank", master)
        return {rank: (host, pid, role) for rank, host, pid, role in rows}

    def kill(self, pid, sig=signal.SIGKILL, host=None):
        if self.hosts:
            self.hosts.kill_process(host, pid, sig)
        else:
            os.kill(pid, sig)

    def launchers(self, host, word):
        """The host's processes of mpirun ("prterun") or of its daemon ("prted")."""
        return [pid for pid, line in self.hosts.processes(host).items() if line.split()[0].endswith(word)]

    def left_on_hosts(self):
        """After a stop: processes, shared memory and files on the hosts that live, endpoints in the root directory."""
        found = []
        for name in filter(self.hosts.alive, self.hosts.names):
            found += [f"{name}: process {pid} {line[:60]}" for pid, line in self.hosts.processes(name).items()]
            for folder in ("/dev/shm", str(self.local)):
                top = self.hosts.path(name, folder)
                found += [f"{name}: {folder}/{file.relative_to(top)}" for file in pathlib.Path(top).rglob("*")
                          if not file.is_dir() or file.name.startswith("prte")]
        return found + [str(f.relative_to(self.root)) for f in (self.root / "system/ha").rglob("*") if not f.is_dir()]


def wait_until(condition, timeout_s=20, every_s=0.05):
    end = time.time() + timeout_s
    while time.time() < end:
        if condition():
            return True
        time.sleep(every_s)
    return False
