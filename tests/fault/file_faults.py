"""Files and clocks that fail under the victim."""
import contextlib
import errno
import signal
import time

from clients import CarefulClient
from faults import TIMEOUT_S, Fault
from rig import wait_until

LASTS_S = 2.5
FLIPS = 100
TOLD_S = 20   # until the client of a damaged file hears of it
READING = ("scan", "shuffle", "ctas", "insert", "stream")
# Workers meet errors of files where they write.
WRITING = (("qm", "ctas"), ("qm", "insert"), ("worker", "ctas"), ("worker", "insert"), ("worker", "copy"), ("worker", "stream"))
AHEAD_S = 3600


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
    """An errno at one point of the victim's files. A backup does not write: it is met when it claims after the active's end. Of a
    result that is streamed, the file is written before: which worker does that is known only when it meets the error."""
    log_point, table_point, number = "log.write", "table.write", errno.EIO
    staging_point = "result.write"
    anybody_errs = True
    tolerated = ("58030", "53100")
    masters = 4

    @classmethod
    def applies(cls, activity, victim):
        return victim not in ("qm", "worker") or (victim, activity) in WRITING

    def arm(self):
        self.stages = self.cast.victim_is_worker and self.activity.name == "stream"
        if self.stages:
            self.rig.arm(self.staging_point, f"error {self.number} once")
        elif self.cast.victim_is_worker and self.table_point == "table.write":
            self.before_work = True  # at its own point it has written

    def begin(self):
        self.touched.add(self.cast.victim_pid)
        if self.stages:
            return
        self.point = self.table_point if self.cast.victim_is_worker else self.log_point
        self.rig.arm(self.point, f"error {self.number}", self.cast.victim_pid)
        if self.cast.victim_pid not in (self.cast.active_pid,) and not self.cast.victim_is_worker:
            self.send(self.cast.active_pid, signal.SIGKILL)

    def end(self):
        if self.stages:
            return
        until = time.time() + self.lasts_s
        while time.time() < until and not self.rig.hits(self.point):
            time.sleep(0.05)
        self.lasts_s = 0.5
        if self.number == errno.ENOSPC:  # nothing is written before there is room
            time.sleep(1)
            self.rig.disarm(self.point, self.cast.victim_pid)
        self.prod()
        self.rig.disarm(self.point, self.cast.victim_pid)

    def missed(self):
        if self.stages:
            return None if self.rig.hits(self.staging_point) & {pid for _, pid, _ in self.cast.workers} else f"{self.staging_point} was not met"
        return None if self.cast.victim_pid in self.rig.hits(self.point) else f"{self.point} was not met"


class NoSpace(FileError):
    name, number = "enospc", errno.ENOSPC


class InputOutputError(FileError):
    name = "eio"


class FailedSync(FileError):
    name, log_point, table_point = "failed-fsync", "log.sync", "table.sync"

    @classmethod
    def applies(cls, activity, victim):
        return (victim, activity) != ("worker", "stream") and super().applies(activity, victim)  # one point there: eio's


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


class OwnTable(Fault):
    """The activity reads a table that nobody has read yet: what was read once is in memory, and has been checked."""

    def make_table(self):
        self.source = f"own_{time.time_ns()}"
        self.rig.cluster.query(f"CREATE TABLE {self.source} AS SELECT * FROM wide", self.cast.probe_master)

    def verify(self, cursor):
        if self.source == "wide":
            return []
        cursor.execute(f"SELECT count(*), sum(l_orderkey), sum(l_quantity) FROM {self.source}")
        rows = cursor.fetchone()
        cursor.execute(f"DROP TABLE {self.source}")
        return [] if rows == self.rig.wide else [f"{self.source} has {rows}"]


class Stall(Prodding, OwnTable):
    """The victim's filesystem does not answer for 10 s. Masters follow the log; workers ask for files when they have work."""
    name, lasts_s, everybody = "stall-one", 0.3, False
    tolerated = ("58030",)

    @classmethod
    def applies(cls, activity, victim):
        asking = {"qm": ("ctas", "insert"), "worker": (*READING, "copy")}  # a QueryMaster has opened what is read
        return cls.everybody or activity in asking.get(victim, (activity,))

    def arm(self):
        if self.cast.victim_is_worker and not self.everybody:
            self.before_work = True
            if self.activity.name in READING:
                self.make_table()

    def begin(self):
        self.touched.add(self.cast.victim_pid)
        self.pid = None if self.everybody else self.cast.victim_pid
        self.rig.arm("files", "hold", self.pid)

    def end(self):
        time.sleep(10)
        self.met = self.rig.hits("files")
        self.rig.disarm("files", self.pid)
        self.prod()

    def missed(self):
        if self.everybody:
            left = set(self.cast.masters()) - self.met
            return f"masters {left} did not ask their files" if left else None
        return None if self.cast.victim_pid in self.met else f"process {self.cast.victim_pid} did not ask its files"


class StallAll(Stall):
    name, everybody = "stall-all", True


class StaleLookups(Prodding):
    """The victim sees no new slot for 4 s while another takes over: from it, or, when it is not the active, from the active."""
    name, masters, lasts_s = "stale-lookups", 4, 0.5

    @classmethod
    def applies(cls, activity, victim):
        return victim not in ("qm", "worker")  # what they need of the log comes by messages

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
        return None if self.cast.victim_pid in self.rig.hits("log.lookup") else "no look-up was stale"


class DamagedData(OwnTable):
    """A fragment of the table that the activity scans is damaged before its first byte is read: who asks for its rows is told so
    until it is whole again, everybody else notices nothing. All hosts see the file: the victim decides who asks where."""
    wanted = None

    @classmethod
    def applies(cls, activity, victim):
        return activity in READING

    def arm(self):
        self.before_work = True
        self.make_table()
        folder = self.rig.directory / "root" / "warehouse" / "default" / self.source
        self.file = max(folder.glob("q_*.h5"), key=lambda f: f.stat().st_size)

    def begin(self):
        self.damage()

    def end(self):
        wait_until(lambda: any(self.explains(e) for e in self.activity.client.errors), TOLD_S)
        self.restore()

    def explains(self, error):
        return error.startswith(self.wanted) and self.file.name in error

    def missed(self):
        errors = self.activity.client.errors
        return None if any(self.explains(e) for e in errors) else f"who read the damaged file met {errors[-3:] or 'nothing'}"


class MissingFile(DamagedData):
    name, wanted, tolerated = "missing-file", "58P01", ("58P01",)

    def damage(self):
        self.hidden = self.file.with_name("q_hidden")
        self.file.rename(self.hidden)

    def restore(self):
        self.hidden.rename(self.file)


class CorruptBlock(DamagedData):
    """Bits are flipped all over the file, so that every column has one."""
    name, wanted, tolerated = "corrupt-block", "XX001", ("XX001",)

    def damage(self):
        self.flip()

    restore = damage

    def flip(self):
        size = self.file.stat().st_size
        with self.file.open("r+b") as f:
            for at in range(size // FLIPS // 2, size, size // FLIPS):
                f.seek(at)
                byte = f.read(1)
                f.seek(at)
                f.write(bytes([byte[0] ^ 0x10]))


class ClockJump(Prodding):
    """The wall clock of who is active jumps an hour ahead, and back behind. A victim that is not is made so. A result that was
    kept before (half an hour) is still there for whoever asks."""
    name, lasts_s = "clock-jump", 0.5

    @classmethod
    def applies(cls, activity, victim):
        return victim not in ("qm", "worker")  # workers read no wall clock

    def arm(self):
        self.lost = []
        if self.activity is None:  # under many other faults
            return
        with contextlib.closing(self.rig.connect(self.cast.probe_master)) as connection, connection.cursor() as cursor:
            self.sql = f"SELECT count(*) + {time.time_ns()} FROM region"
            cursor.execute(self.sql)
            self.kept = cursor.fetchall()

    def look(self, when):
        if self.activity is None:
            return
        client = CarefulClient(self.rig, [self.cast.probe_master], self.tolerated)
        ids = client.execute(f"SELECT query_id FROM information_schema.queries WHERE sql = '{self.sql}'")
        rows = client.execute(f"SELECT * FROM query_result('{ids[0][0]}')") if ids else "no history"
        client.close()
        if rows != self.kept:
            self.lost.append(f"{when}: {rows}")

    def begin(self):
        self.rig.arm("clock", f"shift {AHEAD_S}", self.cast.victim_pid)
        if self.cast.victim_pid != self.cast.active_pid:
            self.send(self.cast.active_pid, signal.SIGKILL)

    def end(self):
        time.sleep(2.5)  # results are looked through each second
        self.look("ahead")
        self.rig.arm("clock", f"shift -{AHEAD_S}", self.cast.victim_pid)
        self.prod()
        self.look("behind")
        self.rig.disarm("clock", self.cast.victim_pid)

    def missed(self):
        if self.cast.victim_pid not in self.rig.hits("clock"):
            return "the clock was not read"
        return f"a kept result is gone, {self.lost}" if self.lost else None


FILE_FAULTS = (NoSpace, InputOutputError, FailedSync, ShortWrite, Stall, StallAll, StaleLookups, MissingFile, CorruptBlock,
               ClockJump)
