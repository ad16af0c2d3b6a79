"""A cluster that cells of the matrix share: TPC-H loaded, its answers recorded before any fault, the ledger of written
tables, the directory where faults are switched on. On this machine, or over simulated hosts (support/hosts.py), of which no
two give the same process number: a process is named by the number that it has itself, real() is this machine's."""
import contextlib
import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import psycopg2

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "sql", "sql/tpch"):
    sys.path.insert(0, str(HERE.parent / folder))
from cluster import Cluster, wait_until  # noqa: E402
from hosts import NETWORK  # noqa: E402
import run_tpch  # noqa: E402

SCALE = "0.01"
COPIES = 5       # of lineitem in `wide` for each worker, 300,000 rows: one task and more
PATIENCE_S = 40  # for what must come about some time; nothing here is a measurement
MASTERS, WORKERS, SPARES = 6, 3, 4
HOSTS, HEAD = 5, "h1"
TIGHT_ROOT, TIGHT_SHM = "400m", "256m"  # filesystems that a fault can fill
CLONE_NEWNS = 0x20000
FEWEST_WORKERS = 3  # in the view, or a cell does not begin
QUERIES = {q: (HERE.parent / "sql" / "tpch" / f"q{q:02d}.sql").read_text() for q in range(1, 23)}


class Rig:
    def __init__(self, masters=MASTERS, workers=WORKERS, spares=SPARES, settings=None, hosts=0, tight=False):
        """`tight` (root only): the root directory and /dev/shm are small filesystems of this rig's own."""
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tajo-matrix-"))
        self.faults = self.directory / "faults"
        self.faults.mkdir()
        self.tight = [(TIGHT_ROOT, self.directory / "root"), (TIGHT_SHM, pathlib.Path("/dev/shm"))] if tight else []
        if tight:
            mount_apart(self.tight)
        self.shape, self.settings = (masters, workers, spares), dict(settings or {})
        if hosts:
            self.settings["tajo.cluster.network"] = f"{NETWORK}.0/24"
        # What launchers and ranks leave in the temporary directory is to be seen, so it is the rig's own.
        self.environment = {"TAJO_FAULTS": str(self.faults), "TMPDIR": str(self.directory / "tmp")}
        (self.directory / "tmp").mkdir()
        self.cluster = Cluster(masters=masters, workers=workers, spares=spares, keep=self.directory, settings=self.settings,
                               environment=self.environment, hosts=hosts)
        self.hosts, self.head = self.cluster.hosts, HEAD
        self.predecessor = None
        self.tables = {}  # name: (count, sum) that must be in it
        self.starts = 0
        self.pids = {}  # rank: process, of the running world
        self.named = set()  # ranks of conf/masters
        self.places = {}  # process: host
        self.shared = set()

    # --- life -------------------------------------------------------------------------------------------------------
    def start(self, force=False):
        self.cluster.start(force, self.head if self.hosts else None)
        self.starts += 1
        wanted = sum(self.shape)
        if not wait_until(lambda: len(self.members()) == wanted and all(m[1] for m in self.members()), PATIENCE_S):
            raise RuntimeError(f"the cluster did not come up: {self.members()}")
        members = self.members()
        self.pids = {rank: pid for rank, pid, _, _ in members}
        self.named = {rank for rank, _, _, line in members if line is not None}
        if self.hosts:
            self.places = {pid: host for host, pid, _ in self.cluster.places().values()}
        else:
            self.shared = {name for pid in self.pids.values() for name in shared_memory(pid)}

    def load(self):
        with contextlib.closing(self.connect(0)) as connection, connection.cursor() as cursor:
            run_tpch.load(cursor, run_tpch.make_data(SCALE))
            source = "SELECT l_orderkey, l_linenumber, l_quantity, l_comment FROM lineitem"
            cursor.execute(f"CREATE TABLE wide AS {source}")
            for _ in range(COPIES * self.shape[1] - 1):
                cursor.execute(f"INSERT INTO wide {source}")
            cursor.execute("SELECT count(*), sum(l_orderkey), sum(l_quantity) FROM wide")
            self.wide = cursor.fetchone()
            self.answers = {q: self.run_query(cursor, q) for q in QUERIES}

    def stop(self):
        self.cluster.stop()

    def succeed(self):
        """A second world on the same files, started with --force beside the first; from now on it is the rig's."""
        self.predecessor = self.cluster
        self.cluster = Cluster(*self.shape, keep=self.directory / f"world{self.starts}",
                               settings={**self.settings, "tajo.rootdir": f"file://{self.directory}/root"},
                               environment=self.environment)
        self.start(force=True)

    def restart(self, head=HEAD):
        """The same files, all hosts, mpirun on `head`. What the world before left behind."""
        for name in self.hosts.names if self.hosts else []:
            if not self.hosts.alive(name):
                self.hosts.boot(name)
        self.stop()
        left = self.left_behind()
        self.head = head
        self.start(force=True)
        return left

    def close(self):
        self.stop()
        left = self.left_behind()
        if self.hosts:
            self.hosts.close()
        for _, place in self.tight:
            subprocess.run(["umount", place], check=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        return left

    # --- looking ----------------------------------------------------------------------------------------------------
    def connect(self, master):
        return self.cluster.connect(master, options={"connect_timeout": 3})

    def members(self, master=None):
        """[(rank, pid, role, master's line or None)] of the view, as `master` or the first that answers says."""
        for m in range(len(self.cluster.ports)) if master is None else [master]:
            try:
                rows = self.cluster.query("SELECT rank, pid, role, port FROM information_schema.cluster ORDER BY rank", m)
            except psycopg2.Error:
                continue
            return [(rank, pid, role, self._line(rank, port)) for rank, pid, role, port in rows if role]
        return []

    def _line(self, rank, port):
        """A spare that stands in for a lost master takes its port, on its own host."""
        ports = self.cluster.ports
        return ports.index(port) if port in ports and (not self.hosts or not self.named or rank in self.named) else None

    def processes(self, everything=False):
        """Living ranks of this rig; with `everything` also what stands before and beside them."""
        return [pid for pid, _ in self._processes(everything)]

    def _processes(self, everything=False):
        """[(its own number, this machine's)]"""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
                if not words[0].endswith(b"/tajod") or not any(w.startswith(str(self.directory).encode()) for w in words):
                    continue
                comm = pathlib.Path(f"/proc/{entry}/comm").read_text().strip()
                state = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[0]
                if (everything or comm == "tajod") and state != "Z":
                    found.append((own_number(entry), int(entry)))
            except OSError:
                continue
        return found

    def real(self, pid):
        """This machine's number of a process; ProcessLookupError when it is gone."""
        if not self.hosts:
            return pid
        for own, number in self._processes():
            if own == pid:
                return number
        raise ProcessLookupError(f"process {pid} is gone")

    def host_of(self, pid):
        """None on one host."""
        return self.places.get(pid)

    def ranks_on(self, host):
        return [pid for pid, place in self.places.items() if place == host]

    def launched(self):
        """Whether mpirun lives and its daemon on every other host."""
        return all(self.hosts.alive(name) and self.cluster.launchers(name, "prterun" if name == self.head else "prted")
                   for name in self.hosts.names)

    def fit(self, fewest_masters):
        """Whether another cell can begin."""
        members = self.members()
        roles = [role for _, _, role, _ in members]
        clients_may_come = [line for _, _, role, line in members if role in ("active", "backup") and line is not None]
        return roles.count("active") == 1 and len(clients_may_come) >= fewest_masters and roles.count("worker") >= FEWEST_WORKERS

    def run_query(self, cursor, q):
        cursor.execute(QUERIES[q])
        return [[None if v is None else str(v) for v in row] for row in cursor.fetchall()]

    @property
    def log_directory(self):
        return self.directory / "root" / "system" / "log"

    # --- faults inside the processes ----------------------------------------------------------------------------------
    def arm(self, point, action, pid=None):
        name = self.faults / (f"{point}.{pid}" if pid else point)
        temporary = self.directory / "arming"
        temporary.write_text(action)
        temporary.rename(name)

    @staticmethod
    def fill(folder, leave=0):
        """Uses up the filesystem but for so many bytes; the file that does."""
        file = folder / "filler"
        with file.open("ab") as f:
            free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            end = f.tell() + max(0, free - leave)
            for size in (1 << 20, 1):
                with contextlib.suppress(OSError):  # the filesystem is full
                    while not leave or f.tell() < end:
                        f.seek(os.write(f.fileno(), bytes(size)), os.SEEK_CUR)
        return file

    def disarm(self, point, pid=None):
        (self.faults / (f"{point}.{pid}" if pid else point)).unlink(missing_ok=True)

    def disarm_all(self):
        for file in self.faults.iterdir():
            file.unlink(missing_ok=True)

    def hits(self, point):
        """Processes in which that fault was met since the last disarm_all()."""
        return {int(f.name.split(".")[-2]) for f in self.faults.glob(f"{point}.*.hit")}

    def clear_hits(self, point):
        for file in self.faults.glob(f"{point}.*.hit"):
            file.unlink(missing_ok=True)

    # --- what must not stay -------------------------------------------------------------------------------------------
    def left_behind(self):
        """After a stop: processes, sockets, endpoints, shared memory, spill files, launchers' directories, files in the
        warehouse that nobody would sweep."""
        if self.hosts:
            wait_until(lambda: not self.cluster.left_on_hosts(), 3)
            left = self.cluster.left_on_hosts()
        else:
            left = [f"process {pid}" for pid in self.processes(everything=True)]
            left += [str(p) for p in self.directory.glob("**/run/.s.PGSQL.*")]
            left += [str(p) for p in (self.directory / "root/system/ha").rglob("*") if p.is_file()]
        left += [name for name in self.shared if os.path.exists(name)]
        left += [str(p) for p in (self.directory / "tmp").rglob("*") if p.is_file() or p.name.startswith(("ompi", "prte", "tajo-start"))]
        for path in (self.directory / "root" / "warehouse").rglob("*"):
            if path.is_file() and not path.name.lstrip(".").startswith("q_"):
                left.append(str(path))
        return left


def mount_apart(places):
    """Small filesystems that only this process and its children see. Before any thread is begun."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for size, place in places:
        place.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True)


def own_number(entry):
    """The number that a process has on its own host."""
    for line in pathlib.Path(f"/proc/{entry}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return int(entry)


def shared_memory(pid):
    """The shared memory files a process has mapped."""
    try:
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return set()
    return {line.split()[-1] for line in maps.splitlines() if "/dev/shm/" in line and "deleted" not in line}
