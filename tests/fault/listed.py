"""The cells of the test run, about sixty: each fault at least twice, each activity and each victim at least eight times."""
import collections

SLOW = ("stall-one", "stall-all", "all-killed", "torn-log", "second-world", "hung-loop")  # ten seconds and more a cell


def listed(faults, activities, victims):
    """[(fault, activity, victim)], the same every time: each fault goes on where the one before it ended."""
    cells, step = [], 0
    for fault, kind in faults.items():
        found = set()
        while len(found) < (2 if fault in SLOW else 3):
            activity, victim = activities[step % len(activities)], victims[step % len(victims)]
            step += 1
            if kind.applies(activity, victim):
                found.add((fault, activity, victim))
                cells.append((fault, activity, victim))
    counts = [collections.Counter(c[i] for c in cells) for i in range(3)]
    assert all(counts[0][f] >= 2 for f in faults) and all(counts[1][a] >= 8 for a in activities) and all(counts[2][v] >= 8 for v in victims)
    return cells
