"""What happens to hosts and to the launcher, over several simulated hosts: the victim's host dies, its cable is cut, its
filesystem stalls; mpirun or a host's daemon is killed and the world goes on without. The client that asks sits elsewhere."""
import signal
import time

import psycopg2

import checks
from faults import Fault
from file_faults import Prodding
from rig import HEAD, wait_until

CUT_S = 3.0
DARK_S = 0.3   # between a host's last packet and the end of its processes
STALL_S = 10
# mpirun's host when the victim's must be another: h3, where no victim of a fresh world is but a plain worker, and there are
# others; a QueryMaster may be on any host with a worker.
OTHER_HEAD = {"qm": "h5"}
NOTICE_S = 5   # for the ranks to hear that the launcher is gone


class HostFault(Fault):
    kind, masters = "hosts", 4

    @property
    def host(self):
        return self.rig.host_of(self.cast.victim_pid)

    def touch(self, host):
        self.touched |= set(self.rig.ranks_on(host))

    def power_off(self, host):
        self.touch(host)
        self.rig.hosts.kill(host)

    def missed(self):
        living = set(self.rig.ranks_on(self.host)) & set(self.rig.processes())
        return f"{living} live on {self.host}" if living else None


class Launcher(HostFault):
    """mpirun is killed, and nothing else: no rank may end, all must know."""
    name, launched, masters = "mpirun", True, 3
    anybody_errs = False

    def victims(self):
        return self.rig.head, "prterun"

    def begin(self):
        host, word = self.victims()
        self.before = set(self.rig.processes())
        for pid in self.rig.cluster.launchers(host, word):
            self.rig.hosts.kill_process(host, pid, signal.SIGKILL)

    def end(self):
        self.known = wait_until(self.everybody_knows, NOTICE_S)

    def everybody_knows(self):
        sql = "SELECT count(*) FROM information_schema.cluster WHERE role IS NOT NULL AND launcher = 'lost'"
        try:
            return self.rig.cluster.query(sql, self.cast.probe_master)[0][0] == len(self.before)
        except psycopg2.Error:
            return False

    def missed(self):
        if gone := self.before - set(self.rig.processes()):
            return f"{gone} ended with it"
        return None if self.known else "some rank does not know that the launcher is lost"


class Daemon(Launcher):
    """The prted of the victim's host is killed."""
    name, place = "prted", "other"

    @classmethod
    def head(cls, victim):
        return OTHER_HEAD.get(victim, "h3")

    def victims(self):
        return self.host, "prted"


class HostLost(HostFault):
    """The victim's host with its prted."""
    name, launched, place = "host", True, "other"

    @classmethod
    def head(cls, victim):
        return OTHER_HEAD.get(victim, "h3")

    def begin(self):
        self.power_off(self.host)


class HeadLost(HostFault):
    """The victim's host is mpirun's."""
    name, launched, place = "head-host", True, "head"

    @classmethod
    def head(cls, victim):
        return {"backup": "h2", "worker": "h4"}.get(victim, HEAD)

    def begin(self):
        self.power_off(self.host)


class TwoHosts(HostFault):
    """The victim's and another at once: the active's, if nobody asks there."""
    name, masters = "two-hosts", 5

    def begin(self):
        asking = {self.rig.host_of(pid) for pid in (self.cast.client_pid, self.cast.probe_pid)}
        one = self.host
        other = next(h for h in [self.rig.host_of(self.cast.active_pid), *self.rig.hosts.names] if h not in asking | {one})
        for host in (one, other):
            self.power_off(host)


class PowerLoss(HostFault):
    """First the host is silent, then every process of it is gone, and no connection of it is ever closed."""
    name = "power-loss"

    def begin(self):
        self.touch(self.host)
        self.rig.hosts.cut(self.host)

    def end(self):
        time.sleep(DARK_S)
        self.rig.hosts.kill(self.host)


class Cut(HostFault):
    """Nothing reaches the host and nothing leaves it; its ranks live and see the filesystem like everybody else."""
    name, way = "cut", "both"

    def begin(self):
        self.since = time.time()
        self.touch(self.host)
        self.rig.hosts.cut(self.host, self.way)

    def end(self):
        time.sleep(CUT_S)
        self.rig.hosts.heal(self.host)

    def missed(self):
        inside = {rank for rank, pid in self.rig.pids.items() if pid in self.touched}
        told = [text for _, rank, text in checks.log_lines(self.rig, self.since) if rank not in inside]
        noticed = any(text == f"no sign of life from rank {rank}" for text in told for rank in inside)
        return None if noticed else f"nobody noticed that {self.host} was cut off"


class CutIn(Cut):
    """What it sends arrives; nothing reaches it."""
    name, way = "cut-in", "in"


class CutOut(Cut):
    """It hears everything; nothing that it sends arrives."""
    name, way = "cut-out", "out"


class HostStall(HostFault, Prodding):
    """The filesystem does not answer any rank of the victim's host for 10 s."""
    name, lasts_s, tolerated = "stall-host", 0.3, ("58030",)

    def begin(self):
        self.touch(self.host)
        for pid in self.touched:
            self.rig.arm("files", "hold", pid)

    def end(self):
        time.sleep(STALL_S)
        self.met = self.rig.hits("files") & self.touched
        for pid in self.touched:
            self.rig.disarm("files", pid)
        self.prod()

    def missed(self):
        return None if self.met else f"no rank of {self.host} asked its files"


HOST_FAULTS = (Launcher, Daemon, HostLost, HeadLost, TwoHosts, PowerLoss, Cut, CutIn, CutOut, HostStall)
