"""Files and clocks that fail under the victim."""
import contextlib
import errno
import os
import signal
import time

import psycopg2

from clients import CarefulClient
from faults import TIMEOUT_S, Fault

LASTS_S = 2.5


class Prodding(Fault):
    """While the fault lasts small rows are inserted by request ids, so that the active meets its files."""
    lasts_s = LASTS_S

    def prod(self):
        table = f"prodded_{time.time_ns()}"
        client = CarefulClient(self.rig, [self.cast.probe_master], self.tolerated)
        until, count = time.time() + self.lasts_s, 0
        client.execute(f"CREATE TABLE {table} (k int8)", f"{table}-make")
        while time.time() < until or count == 0:
            count += 1
            client.execute(f"INSERT INTO {table} VALUES ({count})", f"{table}-{count}")
            time.sleep(0.05)
        client.close()
        self.rig.tables[table] = (count, count * (count + 1) // 2)


class FileError(Prodding):
    """An errno at one point of the victim's files. A backup does not write: it is met when it claims after the active's end."""
    log_point, table_point, number = "log.write", "table.sync", errno.EIO
    anybody_errs = True
    tolerated = ("58030", "53100")
    masters = 4

    @classmethod
    def applies(cls, activity, victim):
        return victim not in ("qm", "worker") or (victim, activity) in (("qm", "write"), ("worker", "write"), ("worker", "copy"))

    def begin(self):
        self.touched.add(self.cast.victim_pid)
        self.point = self.table_point if self.cast.victim_is_worker else self.log_point
        self.rig.arm(self.point, f"error {self.number}", self.cast.victim_pid)
        if self.cast.victim_pid not in (self.cast.active_pid,) and not self.cast.victim_is_worker:
            self.send(self.cast.active_pid, signal.SIGKILL)

    def end(self):
        began = time.time()
        until = began + self.lasts_s
        while time.time() < until and not self.rig.hits(self.point):
            time.sleep(0.05)
        self.lasts_s = 0.5
        if self.number == errno.ENOSPC:  # nothing is written before there is room
            time.sleep(1)
            self.rig.disarm(self.point, self.cast.victim_pid)
        self.prod()
        self.rig.disarm(self.point, self.cast.victim_pid)

    def missed(self):
        return None if self.cast.victim_pid in self.rig.hits(self.point) else f"{self.point} was not met"


class NoSpace(FileError):
    name, number = "enospc", errno.ENOSPC


class InputOutputError(FileError):
    name = "eio"


class FailedSync(FileError):
    name, log_point = "failed-fsync", "log.sync"


class ShortWrite(Prodding):
    """write(2) takes half of what it is given, everywhere."""
    name, lasts_s = "short-write", 0.5

    def arm(self):
        for point in ("log.write", "table.write"):
            self.rig.arm(point, "short")

    def begin(self):
        self.send(self.cast.victim_pid, signal.SIGKILL)

    def end(self):
        self.prod()

    def missed(self):
        return None if self.rig.hits("log.write") else "no short write was met"


class Stall(Prodding):
    """The victim's filesystem does not answer for 10 s."""
    name, lasts_s, everybody = "stall-one", 0.3, False
    tolerated = ("58030",)

    def begin(self):
        self.touched.add(self.cast.victim_pid)
        self.pid = None if self.everybody else self.cast.victim_pid
        self.rig.arm("files", "hold", self.pid)

    def end(self):
        time.sleep(10)
        self.rig.disarm("files", self.pid)
        self.prod()


class StallAll(Stall):
    name, everybody = "stall-all", True


class StaleLookups(Prodding):
    """The victim sees no new slot for 4 s while another takes over: from it, or, when it is not the active, from the active."""
    name, masters, lasts_s = "stale-lookups", 4, 0.5

    def begin(self):
        self.rig.arm("log.lookup", "stale", self.cast.victim_pid)
        self.touched.add(self.cast.victim_pid)
        if self.cast.victim_pid == self.cast.active_pid:
            self.send(self.cast.active_pid, signal.SIGSTOP)
        else:
            self.send(self.cast.active_pid, signal.SIGKILL)

    def end(self):
        time.sleep(3 * TIMEOUT_S)
        if self.cast.victim_pid == self.cast.active_pid:
            self.send(self.cast.active_pid, signal.SIGCONT)
        time.sleep(2)
        self.rig.disarm("log.lookup", self.cast.victim_pid)
        self.prod()

    def missed(self):
        met = self.cast.victim_pid in self.rig.hits("log.lookup") or self.cast.victim_is_worker
        return None if met else "no look-up was stale"


class DamagedData(Fault):
    """A fragment's file is damaged: who asks for its rows is told so, everybody else notices nothing; it comes back."""
    wanted = None

    def arm(self):
        self.table = f"damaged_{time.time_ns()}"
        self.rig.cluster.query(f"CREATE TABLE {self.table} AS SELECT l_orderkey, l_partkey FROM lineitem", self.cast.probe_master)
        folder = self.rig.directory / "root" / "warehouse" / "default" / self.table
        self.file = max(folder.glob("q_*.h5"), key=lambda f: f.stat().st_size)

    def begin(self):
        self.damage()
        self.state = self.message = None

    def end(self):
        with contextlib.closing(self.rig.connect(self.cast.probe_master)) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(f"SELECT sum(l_orderkey), sum(l_partkey) FROM {self.table}")
                self.state = f"rows: {cursor.fetchall()}"
            except psycopg2.Error as e:
                self.state, self.message = e.pgcode, str(e)
            finally:
                self.restore()
            cursor.execute(f"SELECT count(*), sum(l_orderkey) FROM {self.table}")
            count, total = cursor.fetchone()
            cursor.execute("SELECT count(*), sum(l_orderkey) FROM lineitem")
            if (count, total) != cursor.fetchone():
                self.state = "wrong rows after it came back"
            cursor.execute(f"DROP TABLE {self.table}")

    def missed(self):
        named = self.state == self.wanted and self.file.name in self.message
        return None if named else f"who read the damaged file met {self.state}"


class MissingFile(DamagedData):
    name, wanted = "missing-file", "58P01"

    def damage(self):
        self.hidden = self.file.with_name("q_hidden")
        self.file.rename(self.hidden)

    def restore(self):
        self.hidden.rename(self.file)


class CorruptBlock(DamagedData):
    """A byte of the data is flipped."""
    name, wanted = "corrupt-block", "XX001"

    def damage(self):
        self.flip()

    restore = damage

    def flip(self):
        with self.file.open("r+b") as f:
            f.seek(self.file.stat().st_size // 3)
            byte = f.read(1)
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([byte[0] ^ 0x10]))


class ClockJump(Prodding):
    """The wall clock of who is active jumps an hour ahead, and back behind. A victim that is not is made so."""
    name, lasts_s = "clock-jump", 0.5

    @classmethod
    def applies(cls, activity, victim):
        return victim not in ("qm", "worker")  # workers read no wall clock

    def begin(self):
        self.rig.arm("clock", "shift 3600", self.cast.victim_pid)
        if self.cast.victim_pid != self.cast.active_pid:
            self.send(self.cast.active_pid, signal.SIGKILL)

    def end(self):
        time.sleep(1)
        self.rig.arm("clock", "shift -3600", self.cast.victim_pid)
        self.prod()
        self.rig.disarm("clock", self.cast.victim_pid)

    def missed(self):
        return None if self.cast.victim_pid in self.rig.hits("clock") else "the clock was not read"


FILE_FAULTS = (NoSpace, InputOutputError, FailedSync, ShortWrite, Stall, StallAll, StaleLookups, MissingFile, CorruptBlock,
               ClockJump)
