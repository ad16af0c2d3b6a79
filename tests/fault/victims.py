"""Who is hit, and who asks meanwhile."""
import zlib

VICTIMS = ("active", "backup", "qm", "worker", "connected")


class Cast:
    """Roles as they stand before the cell. `client_masters`: lines of conf/masters in the client's order; `probe_master`:
    who is asked for the next answer, never the victim."""

    def __init__(self, rig, victim, cell):
        self.rig, self.victim = rig, victim
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
            chosen, client = active, last
        elif victim == "backup":
            chosen, client = backups[0], asked
        elif victim == "connected":
            chosen = client = asked if zlib.crc32(cell.encode()) % 2 else backups[0]
        elif victim == "qm":
            chosen, client = workers[0], last
        else:
            chosen, client = workers[-1], asked
        self._choose(chosen)
        probe = last if last != chosen else backups[0]
        self.client_pid, self.probe_pid, self.probe_master = client[1], probe[1], probe[2]
        rest = [m[2] for m in [last, asked] + backups[:-1] if m not in (client, chosen)]
        self.client_masters = [client[2]] + rest + ([chosen[2]] if chosen[2] is not None and chosen != client else [])

    def _choose(self, member):
        self.victim_rank, self.victim_pid, self.victim_line = member

    def query_master_is(self, pid):
        """The QueryMaster's process is known: the victim is it, or a worker that it is not."""
        if self.victim == "qm":
            self._choose(next(w for w in self.workers if w[1] == pid))
        elif self.victim == "worker":
            self._choose([w for w in self.workers if w[1] != pid][-1])

    def writer_is(self, pid):
        """Of a statement with one task: the worker that has it."""
        self._choose(next(w for w in self.workers if w[1] == pid))

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
