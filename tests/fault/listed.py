"""The cells of the test run: each fault at least twice, each activity and each victim at least eight times."""
import collections

TWICE = 2
# Those that showed a defect once, and are not among the others.
FOUND = (("shm-full", "idle", "active"),  # a successor touched pages that did not exist yet: every rank died of SIGBUS
         ("flipped-log", "scan", "active"),  # 20 s until it believed that its bytes were wrong
         # The pull from a master that was just admitted again was dropped with its link's queue: the COPY never ended.
         ("flipped-log", "copy", "connected"), ("stop", "copy", "connected"), ("cut-out", "copy", "connected"),
         ("no-descriptors", "copy", "worker"))  # a task was tried four times at the worker that had no descriptors


def listed(faults, activities, victims, applies):
    """[(fault, activity, victim)], the same every time: each fault goes on where the one before it ended."""
    cells, step = [], 0
    for fault in faults:
        found = [c for c in FOUND if c[0] == fault]
        while len(found) < TWICE:
            cell = (fault, activities[step % len(activities)], victims[step % len(victims)])
            step += 1
            if applies(*cell) and cell not in found:
                found.append(cell)
        cells += found
    counts = [collections.Counter(c[i] for c in cells) for i in range(3)]
    assert all(counts[0][f] >= 2 for f in faults) and all(counts[1][a] >= 8 for a in activities) and all(counts[2][v] >= 8 for v in victims)
    return cells
