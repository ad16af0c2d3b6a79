"""A cluster that cells of the matrix share: TPC-H loaded, its answers recorded before any fault, the ledger of written
tables, the directory where faults are switched on."""
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

import psycopg2

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "sql", "sql/tpch"):
    sys.path.insert(0, str(HERE.parent / folder))
from cluster import Cluster, wait_until  # noqa: E402
import run_tpch  # noqa: E402

SCALE = "0.01"
COPIES = 15      # of lineitem in `wide`, 900,000 rows: one task and more for each of three workers
PATIENCE_S = 40  # for what must come about some time; nothing here is a measurement
MASTERS, WORKERS, SPARES = 6, 3, 4
FEWEST_WORKERS = 3  # in the view, or a cell does not begin
QUERIES = {q: (HERE.parent / "sql" / "tpch" / f"q{q:02d}.sql").read_text() for q in range(1, 23)}


class Rig:
    def __init__(self, masters=MASTERS, workers=WORKERS, spares=SPARES, settings=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tajo-matrix-"))
        self.faults = self.directory / "faults"
        self.faults.mkdir()
        self.shape = (masters, workers, spares)
        self.cluster = Cluster(masters=masters, workers=workers, spares=spares, keep=self.directory, settings=settings,
                               environment={"TAJO_FAULTS": str(self.faults)})
        self.settings, self.predecessor = settings, None
        self.tables = {}  # name: (count, sum) that must be in it
        self.starts = 0
        self.pids = {}  # rank: process, of the running world
        self.shared = set()

    # --- life -------------------------------------------------------------------------------------------------------
    def start(self, force=False):
        self.cluster.start(force)
        self.starts += 1
        wanted = sum(self.shape)
        if not wait_until(lambda: len(self.members()) == wanted and all(m[1] for m in self.members()), PATIENCE_S):
            raise RuntimeError(f"the cluster did not come up: {self.members()}")
        self.pids = {rank: pid for rank, pid, _, _ in self.members()}
        self.shared = {name for pid in self.pids.values() for name in shared_memory(pid)}

    def load(self):
        with contextlib.closing(self.connect(0)) as connection, connection.cursor() as cursor:
            run_tpch.load(cursor, run_tpch.make_data(SCALE))
            source = "SELECT l_orderkey, l_linenumber, l_quantity, l_comment FROM lineitem"
            cursor.execute(f"CREATE TABLE wide AS {source}")
            for _ in range(COPIES - 1):
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
                               settings={**(self.settings or {}), "tajo.rootdir": f"file://{self.directory}/root"},
                               environment={"TAJO_FAULTS": str(self.faults)})
        self.start(force=True)

    def restart(self):
        self.stop()
        left = self.left_behind()
        self.start(force=True)
        return left

    def close(self):
        self.stop()
        left = self.left_behind()
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
            ports = self.cluster.ports
            return [(rank, pid, role, ports.index(port) if port in ports else None) for rank, pid, role, port in rows if role]
        return []

    def processes(self, everything=False):
        """Living ranks of this rig; with `everything` also what stands before and beside them."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
                comm = pathlib.Path(f"/proc/{entry}/comm").read_text().strip()
                state = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if words[0].endswith(b"/tajod") and (everything or comm == "tajod") and any(w.startswith(str(self.directory).encode()) for w in words) and state != "Z":
                found.append(int(entry))
        return found

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
        """After a stop: processes, sockets, shared memory, spill files, files in the warehouse that nobody would sweep."""
        left = [f"process {pid}" for pid in self.processes(everything=True)]
        left += [name for name in self.shared if os.path.exists(name)]
        left += [str(p) for p in (self.directory / "tmp").rglob("*") if p.is_file()]
        for path in (self.directory / "root" / "warehouse").rglob("*"):
            if path.is_file() and not path.name.lstrip(".").startswith("q_"):
                left.append(str(path))
        return left


def shared_memory(pid):
    """The shared memory files a process has mapped."""
    try:
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return set()
    return {line.split()[-1] for line in maps.splitlines() if "/dev/shm/" in line and "deleted" not in line}
