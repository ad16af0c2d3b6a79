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
        self.active_pid, active_line = active[1], active[2]
        self.workers = workers
        self.victim_is_worker = victim in ("qm", "worker")
        if victim == "active":
            chosen, client = active, backups[0][2]
        elif victim == "backup":
            chosen, client = backups[-1], active_line
        elif victim == "connected":
            chosen = active if zlib.crc32(cell.encode()) % 2 else backups[0]
            client = chosen[2]
        else:
            chosen, client = workers[0] if victim == "qm" else workers[-1], backups[0][2] if victim == "qm" else active_line
        self._choose(chosen)
        lines = [m[2] for m in [active] + backups]
        rest = [line for line in lines if line != client]
        self.client_masters = [client] + [line for line in rest if line != chosen[2]] + [line for line in rest if line == chosen[2]]
        others = [line for line in lines if line != chosen[2]]
        self.probe_master = client if client in others else [line for line in others if line != active_line][0]
        self.client_is_victim = client == chosen[2]

    def _choose(self, member):
        self.victim_rank, self.victim_pid, self.victim_line = member

    def query_master_is(self, pid):
        """The QueryMaster's process is known: the victim is it, or a worker that it is not."""
        if self.victim == "qm":
            self._choose(next(w for w in self.workers if w[1] == pid))
        elif self.victim == "worker":
            self._choose([w for w in self.workers if w[1] != pid][-1])

    def masters(self, *but):
        """Living masters' processes except those."""
        return [pid for pid, role, _ in self.members.values() if role in ("active", "backup") and pid not in but]

    def line_of(self, pid):
        return next(line for p, _, line in self.members.values() if p == pid)

    def rank_of(self, pid):
        return next(rank for rank, (p, _, _) in self.members.items() if p == pid)
