"""Filesystems that are really full, and limits of a process that are really reached. Each must show that it was met."""
import contextlib
import errno
import os
import pathlib
import re
import resource
import signal
import time

import psycopg2

import checks
from faults import Fault
from file_faults import Prodding

FULL_S, LIMITED_S = 1.5, 4
SOON_BYTES = 100 << 20  # are left to the activity until the fault comes
AGAIN_S = 0.1
SHARED_MEMORY = pathlib.Path("/dev/shm")


class DiskFull(Prodding):
    """The root directory's filesystem is full to the last byte, the victim is killed, then there is room again. Meanwhile a
    write is refused with 53100 (a single row may still find room in the log) and reads are answered."""
    name, kind, lasts_s = "disk-full", "tight", 0.3
    anybody_errs, tolerated = True, ("53100",)

    def arm(self):
        self.rig.fill(self.rig.directory / "root", SOON_BYTES)

    def begin(self):
        self.refused = self.read = self.undone = None
        self.filler = self.rig.fill(self.rig.directory / "root")
        self.send(self.cast.victim_pid, signal.SIGKILL)

    def end(self):
        try:
            began = time.time()
            table = f"no_room_{time.time_ns()}"
            self.refused = self.state_of(f"CREATE TABLE {table} AS SELECT * FROM lineitem")
            self.read = self.state_of("SELECT count(*) FROM region")
            time.sleep(max(0, FULL_S - (time.time() - began)))
        finally:
            self.filler.unlink()
        self.undone = self.state_of(f"SELECT count(*) FROM {table}")
        self.prod()

    def state_of(self, sql):
        """SQLSTATE, 00000 for success; asked again as long as it is unknown."""
        state = ""
        for _ in range(100):
            try:
                self.rig.cluster.query(sql, self.cast.probe_master)
                return "00000"
            except psycopg2.Error as e:
                state = e.pgcode or "lost"
                if state and not state.startswith(("08", "57P")):
                    return state
                time.sleep(AGAIN_S)
        return state

    def missed(self):
        if self.refused != "53100":
            return f"a write on the full disk met {self.refused}"
        if self.undone != "42P01":
            return f"what was refused is half done: {self.undone}"
        return None if self.read == "00000" else f"a read on the full disk met {self.read}"


class SharedMemoryFull(Prodding):
    """/dev/shm is full to the last byte while the victim dies and statements go on."""
    name, kind, lasts_s = "shm-full", "tight", FULL_S

    def arm(self):
        self.rig.fill(SHARED_MEMORY, SOON_BYTES)

    def begin(self):
        self.full = False
        self.filler = self.rig.fill(SHARED_MEMORY)
        self.send(self.cast.victim_pid, signal.SIGKILL)

    def end(self):
        try:
            self.prod()
            self.full = self.is_full()
        finally:
            self.filler.unlink()

    @staticmethod
    def is_full():
        probe = SHARED_MEMORY / "probe"
        try:
            probe.write_bytes(b"0")
            return False
        except OSError as e:
            return e.errno == errno.ENOSPC
        finally:
            probe.unlink(missing_ok=True)

    def missed(self):
        return None if self.full else "/dev/shm had room"


class Limit(Fault):
    """A resource of the victim is used up for a while, and something is asked of it that needs more. It may end over it; then
    it is as if killed. What shows that it was met: its log, the client's error, or its end."""
    tolerated, anybody_errs = ("53",), True
    which, asked = None, None
    signs = re.compile("out of memory|Cannot allocate|cannot start thread|Too many open files")

    def arm(self):
        self.tables = []

    def begin(self):
        pid = self.rig.real(self.cast.victim_pid)
        self.since, self.met, self.clients = time.time(), None, []
        self.touched.add(self.cast.victim_pid)
        self.before = resource.prlimit(pid, self.which)
        self.tighten()

    def tighten(self):
        """What the victim gave back is not there for it either."""
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            pid = self.rig.real(self.cast.victim_pid)
            now = resource.prlimit(pid, self.which)[0]
            used = self.used(pid)
            if now == resource.RLIM_INFINITY or used < now:
                resource.prlimit(pid, self.which, (used, self.before[1]))

    def end(self):
        until = time.time() + LIMITED_S
        while time.time() < until and not self.met:
            self.tighten()
            self.provoke()
            self.met = self.met or self.sign()
            time.sleep(AGAIN_S)
        for client in self.clients:
            client.close()
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self.rig.real(self.cast.victim_pid), self.which, self.before)
        for table in self.tables:
            self.ask(f"DROP TABLE IF EXISTS {table}", self.cast.probe_master)

    def provoke(self):
        try:
            if self.cast.victim_is_worker:  # writes a file of the table, and maps files that it has not open
                self.tables.append(f"limited_{time.time_ns()}")
                self.ask(f"CREATE TABLE {self.tables[-1]} AS SELECT l_orderkey, l_comment FROM wide", self.cast.probe_master)
                self.ask(f"SELECT count(*) FROM (SELECT l_orderkey, l_comment FROM {self.tables[-1]} GROUP BY l_orderkey, l_comment) AS g",
                         self.cast.probe_master)
            elif self.cast.victim_line is not None:  # each client has a thread, until the limit is given back
                self.clients.append(self.rig.cluster.connect(self.cast.victim_line, options={"connect_timeout": 2}))
        except psycopg2.Error as e:
            self.met = str(e) if (e.pgcode or "").startswith("53") else None

    def ask(self, sql, master):
        connection = self.rig.cluster.connect(master, options={"connect_timeout": 2})
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SET tajo.optimizer.force_distributed = 'on'")
            cursor.execute(sql)

    def sign(self):
        if self.cast.victim_pid not in self.rig.processes():
            return "it ended"
        return next((text for _, rank, text in checks.log_lines(self.rig, self.since)
                     if rank == self.cast.victim_rank and self.signs.search(text)), None)

    def missed(self):
        return None if self.met else f"process {self.cast.victim_pid} did not meet its limit"


class OutOfMemory(Limit):
    name, which = "out-of-memory", resource.RLIMIT_AS

    @staticmethod
    def used(pid):
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[0]) * resource.getpagesize() + (1 << 20)


class NoDescriptors(Limit):
    name, which = "no-descriptors", resource.RLIMIT_NOFILE

    @staticmethod
    def used(pid):
        taken = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
        return next(n for n in range(len(taken) + 1) if n not in taken)


FULL_FAULTS = (DiskFull, SharedMemoryFull, OutOfMemory, NoDescriptors)
