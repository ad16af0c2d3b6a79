"""What happens to the victim. begin() returns when the fault is on; the activity is released right after it; end() waits as long
as the fault lasts and takes it away."""
import os
import signal
import time

from rig import wait_until

INTERVAL_S = 0.2  # tajo.master.ha.monitor.interval
TIMEOUT_S = 3 * INTERVAL_S


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Fault:
    name = None
    tolerated = ()         # SQLSTATE prefixes that a client may meet and try again
    deadly = True          # the victim does not come back
    anybody_errs = False   # also clients of masters that are not hit may meet errors that are tried again
    hangs = ()             # processes that stay hung: who is connected there is told to go

    def __init__(self, rig, cast):
        self.rig, self.cast = rig, cast

    def arm(self):
        """Before the activity begins."""

    def begin(self):
        raise NotImplementedError

    def end(self):
        pass


class Kill(Fault):
    name = "kill"

    def begin(self):
        send(self.cast.victim_pid, signal.SIGKILL)


class StopLong(Fault):
    """SIGSTOP for three timeouts, then SIGCONT."""
    name, deadly = "stop", False

    def begin(self):
        send(self.cast.victim_pid, signal.SIGSTOP)
        self.until = time.time() + 3 * TIMEOUT_S

    def end(self):
        time.sleep(max(0, self.until - time.time()))
        send(self.cast.victim_pid, signal.SIGCONT)


class StopShort(Fault):
    """SIGSTOP for half a timeout, ten times."""
    name, deadly = "stutter", False

    def begin(self):
        send(self.cast.victim_pid, signal.SIGSTOP)

    def end(self):
        for i in range(10):
            if i:
                send(self.cast.victim_pid, signal.SIGSTOP)
            time.sleep(TIMEOUT_S / 2)
            send(self.cast.victim_pid, signal.SIGCONT)
            time.sleep(TIMEOUT_S / 4)


FAULTS = {f.name: f for f in (Kill, StopLong, StopShort)}
