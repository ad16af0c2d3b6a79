"""Who is hit, and who asks meanwhile."""
import zlib

VICTIMS = ("active", "backup", "qm", "worker", "connected")
# What has a QueryMaster when the fault comes. Nothing has one when idle; CREATE and DROP TABLE run on the active; of a result
# that is being read the QueryMaster has ended, since no row leaves before the result is complete and kept elsewhere.
WITH_QUERY_MASTER = ("scan", "shuffle", "ctas", "insert", "copy")


def exists(victim, activity):
    """Whether there is such a victim during the activity."""
    return victim != "qm" or activity in WITH_QUERY_MASTER


class Missed(Exception):
    """The fault would not have met the activity."""


class Unsuited(Exception):
    """Nobody of the running world can be this victim: a fresh one is needed."""


class Cast:
    """Roles as they stand before the cell. `client_masters`: lines of conf/masters in the client's order; `probe_master`:
    who is asked for the next answer, never the victim. Over several hosts neither of them is on the victim's (but the client
    whose master is the victim); `place`: "head", the victim is on mpirun's host, "other", it is not."""

    def __init__(self, rig, victim, cell, place=None):
        self.rig, self.victim, self.place = rig, victim, place
        members = rig.members()
        self.members = {rank: (pid, role, line) for rank, pid, role, line in members}
        by_role = lambda role: [(rank, pid, line) for rank, pid, r, line in members if r == role]  # noqa: E731
        (active,), backups, workers = by_role("active"), by_role("backup"), by_role("worker")
        self.active_pid = active[1]
        self.workers = workers
        self.victim_is_worker = victim in ("qm", "worker")
        # A spare that stands in for a lost master takes no clients.
        backups = [b for b in backups if b[2] is not None]
        # Claims go in the order of conf/masters: who asks sits at its end, and is the last to be hit by what hits claimants.
        last = backups[-1]
        asked = active if active[2] is not None else last
        if victim == "active":
            candidates, clients = [active], [last]
        elif victim == "backup":
            candidates, clients = backups[:-1], [asked]
        elif victim == "connected":
            candidates = [asked, *backups[:-1]] if zlib.crc32(cell.encode()) % 2 else [*backups[:-1], asked]
            clients = None
        elif victim == "qm":
            candidates, clients = workers, [last]
        else:
            candidates, clients = workers[::-1], [asked, *backups[::-1]]
        kept = {rig.host_of(last[1])} if rig.hosts and victim not in ("active", "backup", "connected") else set()
        self._choose(next((c for c in candidates if self._suits(c) and rig.host_of(c[1]) not in kept), None))
        chosen = self._chosen
        away = lambda m: m != chosen and not self._same_host(m, chosen)  # noqa: E731
        client = chosen if clients is None else next((m for m in clients if away(m)), None)
        probe = next((m for m in [last, *backups] if away(m)), None)
        if client is None or probe is None:
            raise Unsuited(f"no master on another host than {victim}'s")
        self.client_pid, self.probe_pid, self.probe_master = client[1], probe[1], probe[2]
        rest = [m[2] for m in [last, asked] + backups[:-1] if m not in (client, chosen)]
        self.client_masters = [client[2]] + rest + ([chosen[2]] if chosen[2] is not None and chosen != client else [])

    def _suits(self, member):
        return self.place is None or (self.rig.host_of(member[1]) == self.rig.head) == (self.place == "head")

    def _same_host(self, one, other):
        return self.rig.hosts is not None and self.rig.host_of(one[1]) == self.rig.host_of(other[1])

    def _choose(self, member):
        if member is None:
            raise Unsuited(f"no {self.victim} on the host that the fault is for")
        self._chosen = member
        self.victim_rank, self.victim_pid, self.victim_line = member

    def _become(self, candidates):
        """The victim is the first of them that may be hit."""
        asking = {self.rig.host_of(pid) for pid in (self.client_pid, self.probe_pid)} if self.rig.hosts else set()
        found = next((w for w in candidates if self._suits(w) and self.rig.host_of(w[1]) not in asking), None)
        if found is None:
            raise Missed(f"{[self.rig.host_of(w[1]) for w in candidates]} are not hosts to hit")
        self._choose(found)

    def query_master_is(self, pid):
        """The QueryMaster's process is known: the victim is it, or a worker that it is not."""
        if self.victim == "qm":
            self._become([w for w in self.workers if w[1] == pid])
        elif self.victim == "worker":
            self._become([w for w in self.workers if w[1] != pid][::-1])

    def writer_is(self, pid):
        """Of a statement with one task: the worker that has it."""
        self._become([w for w in self.workers if w[1] == pid])

    def masters(self, *but):
        """Living masters' processes except those."""
        return [pid for pid, role, _ in self.members.values() if role in ("active", "backup") and pid not in but]

    def bystander(self):
        """Another process of the victim's kind that nobody asks; None when there is none left."""
        kind = self.workers if self.victim_is_worker else [(0, pid, 0) for pid in self.masters()]
        found = [m[1] for m in kind if m[1] not in (self.victim_pid, self.client_pid, self.probe_pid, self.active_pid)]
        return found[0] if found else None

    def line_of(self, pid):
        return next(line for p, _, line in self.members.values() if p == pid)

    def rank_of(self, pid):
        return next(rank for rank, (p, _, _) in self.members.items() if p == pid)
