"""A real cluster for tests: a configuration directory of its own, launch/start-tajo.sh, connections, kills.

    with Cluster(masters=2, workers=2) as cluster:
        connection = cluster.connect(0)          # psycopg2, Unix socket of master 0
        cluster.kill(cluster.rank_of("active"))
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psycopg2
import psycopg2.extensions

ROOT = pathlib.Path(__file__).resolve().parents[2]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster:
    def __init__(self, masters=1, workers=1, spares=0, settings=None, keep=None, environment=None, binaries=None):
        self.masters, self.workers, self.spares = masters, workers, spares
        self.directory = pathlib.Path(keep or tempfile.mkdtemp(prefix="tajo-test-"))
        self.keep = keep is not None
        ports = free_ports(2 * masters)
        self.ports, self.web_ports = ports[:masters], ports[masters:]
        self.conf = self.directory / "conf"
        self.root = self.directory / "root"
        self.conf.mkdir(parents=True, exist_ok=True)
        values = {"tajo.rootdir": f"file://{self.root}", "tajo.worker.tmpdir.locations": str(self.directory / "tmp"),
                  "tajo.cluster.spares": str(spares), **(settings or {})}
        properties = "".join(f"<property><name>{k}</name><value>{v}</value></property>\n" for k, v in values.items())
        (self.conf / "tajo-site.xml").write_text(f"<configuration>\n{properties}</configuration>\n")
        (self.conf / "masters").write_text("".join(f"localhost:{c}:{w}\n" for c, w in zip(self.ports, self.web_ports)))
        (self.conf / "workers").write_text(f"localhost slots={workers}\n")
        (self.conf / "tajo-env.sh").write_text("")
        self.environment = {**os.environ, "TAJO_PID_DIR": str(self.directory / "run"), "OMPI_ALLOW_RUN_AS_ROOT": "1",
                            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **(environment or {})}
        self.environment.pop("TAJO_LOG_DIR", None)
        if binaries:
            self.environment["TAJO_BIN"] = str(binaries)
        self.user = subprocess.check_output(["id", "-un"], text=True).strip()

    def start(self, force=False):
        command = [str(ROOT / "launch/start-tajo.sh"), "--config", str(self.conf)] + (["--force"] if force else [])
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            self.show_logs()
            raise RuntimeError(f"start-tajo.sh: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self):
        subprocess.run([str(ROOT / "launch/stop-tajo.sh"), "--config", str(self.conf)], env=self.environment,
                       capture_output=True, timeout=60)

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
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def show_logs(self, lines=40):
        for log in sorted((self.root / "logs").glob("*")):
            print(f"--- {log.name}", file=sys.stderr)
            print("\n".join(log.read_text(errors="replace").splitlines()[-lines:]), file=sys.stderr)

    def connect(self, master=0, database="default", options=None):
        connection = psycopg2.connect(host=self.environment["TAJO_PID_DIR"], port=self.ports[master], dbname=database,
                                      user=self.user, connect_timeout=20, **(options or {}))
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

    def kill(self, pid, sig=signal.SIGKILL):
        os.kill(pid, sig)


def wait_until(condition, timeout_s=20, every_s=0.05):
    end = time.time() + timeout_s
    while time.time() < end:
        if condition():
            return True
        time.sleep(every_s)
    return False
