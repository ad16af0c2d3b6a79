"""What must hold after every cell."""
import re
import time

import psycopg2

from clients import PATIENCE_S
from log_directory import check_log, read_log
from rig import QUERIES, run_tpch, wait_until

HEALTHY_S = 40
STAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{3}) \w+ +\[(-?\d+)\] \w+: (.*)")


def ask_until_answered(rig, master, sql="SELECT count(*) FROM region"):
    """The next answer: a statement begun now is asked again until it is answered. (its end, errors met)"""
    errors, end = [], time.time() + PATIENCE_S
    while time.time() < end:
        try:
            rows = rig.cluster.query(sql, master)
            if rows != [(5,)]:
                return time.time(), [f"wrong answer: {rows}"]
            return time.time(), errors
        except psycopg2.Error as e:
            errors.append(str(e).strip()[:200])
            time.sleep(0.01)
    return None, errors


def settled(rig, master):
    """Waits until the view holds every living process once, with one active. Problems."""
    def good():
        members = rig.members(master)
        # A member that has not told its process yet has none.
        return (all(pid for _, pid, _, _ in members)
                and sorted(pid for _, pid, _, _ in members) == sorted(rig.processes())
                and [role for _, _, role, _ in members].count("active") == 1
                and all(line is not None or rank not in rig.named for rank, _, _, line in members))
    if wait_until(good, HEALTHY_S, 0.1):
        return []
    return [f"after {HEALTHY_S} s the members are {[m[:3] for m in rig.members(master)]}, the processes {sorted(rig.processes())}"]


def data(rig, connection):
    """All TPC-H answers and every written table."""
    problems = []
    with connection.cursor() as cursor:
        for q in QUERIES:
            try:
                if not same_rows(rig.run_query(cursor, q), rig.answers[q]):
                    problems.append(f"Q{q:02d} is wrong")
            except psycopg2.Error as e:
                problems.append(f"Q{q:02d}: {str(e).strip()[:200]}")
        for name, wanted in rig.tables.items():
            column = "l_orderkey" if name.startswith("written") else "k"
            try:
                cursor.execute(f"SELECT count(*), sum({column}) FROM {name}")
                got = cursor.fetchone()
            except psycopg2.Error as e:
                got = str(e).strip()[:200]
            if got != tuple(wanted[:2]):
                problems.append(f"{name} has {got}, {tuple(wanted[:2])} were acknowledged")
    return problems


def same_rows(got, want):
    return len(got) == len(want) and all(len(a) == len(b) and all(run_tpch.same(x, "NULL" if y is None else y) for x, y in zip(a, b))
                                         for a, b in zip(sorted(got, key=str), sorted(want, key=str)))


def log(rig):
    slots = read_log(rig.log_directory)
    return check_log(slots), slots


def log_lines(rig, since):
    """[(time, rank, text)] of all ranks' logs from that time on."""
    found, now = [], time.time()
    for file in (rig.directory / "root" / "logs").glob("tajo-*-rank*"):
        for line in file.read_text(errors="replace").splitlines():
            m = STAMP.match(line)
            if m:
                at = time.mktime(time.strptime(m[1], "%Y-%m-%d %H:%M:%S")) + int(m[2]) / 1000
                if since - 0.002 <= at <= now:  # a clock may be wrong
                    found.append((at, int(m[3]), m[4]))
    return sorted(found)


def times(rig, slots, since, victim_rank, answered):
    """Seconds after the fault: detection (somebody acts on the silence), claim or view (its slot won), first answer."""
    out = {"detection": None, "slot": None, "answer": answered - since if answered else None}
    for at, _, text in log_lines(rig, since):
        if text == f"no sign of life from rank {victim_rank}" and out["detection"] is None:
            out["detection"] = at - since
    for slot in slots:
        if slot.made >= since and (1 in slot.kinds or 2 in slot.kinds):
            out["slot"] = slot.made - since
            break
    return out
