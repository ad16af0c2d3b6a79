"""What happens to all of a world: killed at once, its log damaged, another world on the same log."""
import contextlib
import signal
import time

from faults import TIMEOUT_S, Fault
from log_directory import read_log
from rig import wait_until

BACK_S = 8   # less than a rank waits for the right bytes of its files: others give them sooner
GARBAGE = b"\x00TJB1 bytes that no slot counts " * 40


class WorldKilled(Fault):
    """Every process of the world at once; the cluster is started again on its files."""
    name, anybody_errs = "all-killed", True

    def begin(self):
        for pid in self.rig.processes():
            self.send(pid, signal.SIGKILL)

    def end(self):
        self.rig.stop()
        self.between()
        self.rig.start(force=True)  # its last slot is young: without --force that is taken for a living world's

    def between(self):
        pass


class TornLog(WorldKilled):
    """… and behind the bytes that count the segment holds what a dying host left."""
    name = "torn-log"

    def between(self):
        slot = read_log(self.rig.log_directory)[-1]
        with open(self.rig.log_directory / "data" / f"segment-{slot.segment:0>16}", "r+b") as f:
            f.seek(slot.length)
            f.write(GARBAGE)


class FlippedLog(Fault):
    """Bytes of the log are flipped that the victim, suspended meanwhile, has not read; others have them in memory. Then the
    bytes are right again."""
    name = "flipped-log"

    def begin(self):
        self.send(self.cast.victim_pid, signal.SIGSTOP)

    def end(self):
        with contextlib.closing(self.rig.connect(self.cast.probe_master)) as connection, connection.cursor() as cursor:
            time.sleep(3 * TIMEOUT_S)
            table = f"flipped_{time.time_ns()}"
            cursor.execute(f"CREATE TABLE {table} (k int8)")
            cursor.execute(f"INSERT INTO {table} VALUES (1)")
            self.rig.tables[table] = (1, 1)
        slots = read_log(self.rig.log_directory)
        slot = next(s for s in reversed(slots) if s.length - s.begin > 200)
        file = self.rig.log_directory / "data" / f"segment-{slot.segment:0>16}"
        self.flip(file, slot.begin + 100)
        self.bad = not read_log(self.rig.log_directory)[slots.index(slot)].good
        try:
            self.send(self.cast.victim_pid, signal.SIGCONT)
            self.back = wait_until(lambda: self.cast.victim_pid in [m[1] for m in self.rig.members(self.cast.probe_master)], BACK_S)
        finally:
            self.flip(file, slot.begin + 100)

    @staticmethod
    def flip(file, at):
        with file.open("r+b") as f:
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1]))

    def missed(self):
        if not self.bad:
            return "the log was not damaged"
        return None if self.back else "the suspended rank did not come back beside the damaged bytes"


class SecondWorld(Fault):
    """Another world is started on the same log with --force: it survives, the first one ends by itself."""
    name, anybody_errs = "second-world", True

    def begin(self):
        self.old = self.rig.processes()

    def end(self):
        self.rig.succeed()
        self.gone = wait_until(lambda: not set(self.old) & set(self.rig.processes()), 30)

    def missed(self):
        return None if self.gone else f"ranks of the superseded world live: {set(self.old) & set(self.rig.processes())}"


WORLD_FAULTS = (WorldKilled, TornLog, FlippedLog, SecondWorld)
