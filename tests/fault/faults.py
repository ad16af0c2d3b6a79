"""What happens to the victim: processes that die, stop, starve. Files, clocks and limits: file_faults.py; whole worlds:
world_faults.py.

arm() comes before the activity, begin() when the activity stands at its point; the activity is released right after it.
end() runs meanwhile: it waits as long as the fault lasts and takes it away."""
import os
import signal
import time

from rig import wait_until

INTERVAL_S = 0.2  # tajo.master.ha.monitor.interval
TIMEOUT_S = 3 * INTERVAL_S


class Fault:
    name = None
    tolerated = ()         # SQLSTATEs, beyond those of lost connections, that a client may meet and try again
    anybody_errs = False   # also clients of masters that are not hit may meet errors that are tried again
    masters = 3            # that the cell needs
    kind = "one"           # of RIGS in matrix.py
    place = None           # of Cast
    launched = False       # mpirun and its daemons must live
    source = "wide"        # the table that the activity reads
    before_work = False    # it meets the activity when its tasks have read and written nothing
    activity = None        # set before arm()

    def __init__(self, rig, cast):
        self.rig, self.cast = rig, cast
        self.touched = set()  # processes whose clients may meet errors
        self.hung = set()     # processes that do not come back while the activity runs

    @classmethod
    def applies(cls, activity, victim):
        """False: the fault cannot meet this victim in this activity."""
        return True

    @classmethod
    def head(cls, victim):
        """The host where mpirun must be, over several; None: anywhere."""
        return None

    def arm(self):
        pass

    def begin(self):
        raise NotImplementedError

    def end(self):
        pass

    def explains(self, error):
        """Whether this error of the activity's client is what the fault is to bring about."""
        return False

    def verify(self, cursor):
        """Problems with what it has made, when all is over."""
        return []

    def missed(self):
        """Why the fault did not meet anything, if so."""
        return None

    def send(self, pid, number):
        self.touched.add(pid)
        try:
            os.kill(self.rig.real(pid), number)
        except ProcessLookupError:
            pass


class Kill(Fault):
    name = "kill"

    def begin(self):
        self.send(self.cast.victim_pid, signal.SIGKILL)


class StopLong(Fault):
    """SIGSTOP for three timeouts, then SIGCONT."""
    name = "stop"

    def begin(self):
        self.send(self.cast.victim_pid, signal.SIGSTOP)

    def end(self):
        time.sleep(3 * TIMEOUT_S)
        self.send(self.cast.victim_pid, signal.SIGCONT)


class StopShort(Fault):
    """SIGSTOP for half a timeout, ten times."""
    name = "stutter"

    def begin(self):
        self.send(self.cast.victim_pid, signal.SIGSTOP)

    def end(self):
        for i in range(10):
            if i:
                self.send(self.cast.victim_pid, signal.SIGSTOP)
            time.sleep(TIMEOUT_S / 2)
            self.send(self.cast.victim_pid, signal.SIGCONT)
            time.sleep(TIMEOUT_S / 4)


class Starve(Fault):
    """The victim has 5 % of a core: it runs 5 ms of 100."""
    name = "starve"

    def begin(self):
        self.send(self.cast.victim_pid, signal.SIGSTOP)

    def end(self):
        until = time.time() + 4
        while time.time() < until:
            time.sleep(0.095)
            self.send(self.cast.victim_pid, signal.SIGCONT)
            time.sleep(0.005)
            self.send(self.cast.victim_pid, signal.SIGSTOP)
        self.send(self.cast.victim_pid, signal.SIGCONT)


class TwoKills(Fault):
    """Two of a kind within 10 ms."""
    name, masters = "two-kills", 4

    def begin(self):
        for pid in (self.cast.victim_pid, self.cast.bystander()):
            self.send(pid, signal.SIGKILL)


class DeadAndHung(Fault):
    """One killed and another of its kind stopped at the same moment."""
    name, masters = "dead-and-hung", 4

    def begin(self):
        self.other = self.cast.bystander()
        self.send(self.cast.victim_pid, signal.SIGKILL)
        self.send(self.other, signal.SIGSTOP)

    def end(self):
        time.sleep(3)
        self.send(self.other, signal.SIGCONT)


class KillClaimant(Fault):
    """The active and the victim are killed, and who claims next dies when its slot is won, before anybody was told."""
    name, masters, point = "claimant-dies", 5, "claim.won"

    def arm(self):
        self.rig.arm(self.point, "kill once")

    def begin(self):
        for pid in {self.cast.victim_pid, self.cast.active_pid}:
            self.send(pid, signal.SIGKILL)

    def missed(self):
        return None if self.rig.hits(self.point) else f"nobody died at {self.point}"


class KillSuccessor(KillClaimant):
    """… and who claims next dies when it has told its view and before a task's report reaches it."""
    name, point = "successor-dies", "claim.told"


class AllMastersButOne(Fault):
    name = "one-master-left"

    def begin(self):
        for pid in [self.cast.victim_pid] + self.cast.masters(self.cast.probe_pid):
            self.send(pid, signal.SIGKILL)


class HungLoop(Fault):
    """The control thread stands still; the watchdog of its own process ends it."""
    name = "hung-loop"

    def begin(self):
        self.touched.add(self.cast.victim_pid)
        self.hung.add(self.cast.victim_pid)
        self.rig.arm("control", "hold", self.cast.victim_pid)
        wait_until(lambda: self.rig.hits("control"), 2, 0.001)

    def end(self):
        time.sleep(7)

    def missed(self):
        return f"process {self.cast.victim_pid} lives" if self.cast.victim_pid in self.rig.processes() else None


PROCESS_FAULTS = (Kill, StopLong, StopShort, Starve, TwoKills, DeadAndHung, KillClaimant, KillSuccessor, AllMastersButOne, HungLoop)
