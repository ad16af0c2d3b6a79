"""The cells of the test run: each fault at least twice, each activity and each victim at least eight times."""
TWICE, OFTEN = 2, 8
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
    for i, names in ((1, activities), (2, victims)):
        for name in names:
            every = [(f, a, v) for f in faults for a in activities for v in victims if name == (f, a, v)[i] and applies(f, a, v)]
            while sum(c[i] == name for c in cells) < OFTEN:
                cells.append(next(c for c in every[step % len(every):] + every if c not in cells))
                step += 1
    return cells
