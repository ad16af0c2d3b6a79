"""Nothing leaks: leaks.py [--clusters N] [--kills N] [--queries N] [--spares N]

A cluster warms up; then queries of every kind run while workers and masters are killed one after the other, with spares that
take their places. At the end the survivors' memory and open files are where they started, no temporary file is left and
with --staging, which waits for the sweeper, no staged result (they are kept for no time here), and after the stop no process,
socket or shared memory. A kill that finds nobody
to take its victim's place waits for the next query; one that never came is a problem. In the test run one small cluster; by
hand `leaks.py --clusters 10 --kills 10 --queries 1000 --spares 12 --staging`."""
import argparse
import contextlib
import os
import random
import sys
import time

import psycopg2

import checks
from faults import Kill
from rig import QUERIES, Rig, wait_until
from victims import Cast

MASTERS, WORKERS = 3, 3
FEWEST_MASTERS = 2
VICTIMS = ("qm", "worker", "worker", "active", "backup")
MEMORY_SLACK = 0.2        # of what a rank had when it was warm: the allocator keeps what concurrent tasks once needed
MEMORY_FLOOR = 24 << 20   # and this much, whatever it had
FILES_SLACK = 4           # sockets of connections on their way out, the log's segments
SETTLE_S = 30
SWEPT_S = 180             # the sweeper's rounds, and the minute of one that a takeover begins anew
ATTEMPTS = 20             # of one query whose connection breaks, a second apart


def usage(pid):
    """(resident bytes without files mapped from the warehouse, open files)"""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["RssAnon"].split()[0]) << 10, len(os.listdir(f"/proc/{pid}/fd"))


def one_query(rig, cursor, n):
    if n % 5 == 0:
        cursor.execute(f"CREATE TABLE leak_{n} AS SELECT l_orderkey, l_partkey FROM lineitem WHERE l_orderkey % 7 = {n % 7}")
        cursor.execute(f"DROP TABLE leak_{n}")
    elif n % 5 == 1:
        cursor.execute("SELECT l_orderkey, l_comment FROM wide")  # larger than what travels in a message: staged
        cursor.fetchall()
    else:
        q = n % 22 + 1
        if not checks.same_rows(rig.run_query(cursor, q), rig.answers[q]):
            return f"Q{q:02d} is wrong"
    return None


class Asker:
    """A client that goes to the next master when its connection breaks, and asks again."""

    def __init__(self, rig):
        self.rig, self.connection = rig, None

    def ask(self, n):
        problem = None
        for attempt in range(ATTEMPTS):
            try:
                if self.connection is None:
                    self.connection = self.rig.connect(attempt % MASTERS)
                    with self.connection.cursor() as cursor:
                        cursor.execute("SET tajo.optimizer.force_distributed = 'on'")
                with self.connection.cursor() as cursor:
                    if attempt > 0:
                        cursor.execute(f"DROP TABLE IF EXISTS leak_{n}")
                    return one_query(self.rig, cursor, n)
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                problem = f"query {n}: {error}"
                if not (error.pgcode or "08").startswith(("08", "57P")):
                    return problem
                self.close()
                time.sleep(attempt > MASTERS)
        return problem

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def temporary_files(rig, *folders):
    return [str(p) for folder in ("tmp", *folders) for p in (rig.directory / folder).rglob("*") if p.is_file()]


def run_cluster(number, arguments):
    rig = Rig(MASTERS, WORKERS, arguments.spares, settings={"tajo.query.result.retention-min": "0"})
    problems, chance, killed = [], random.Random(number), []
    try:
        rig.start()
        rig.load()
        with contextlib.closing(Asker(rig)) as asker:
            for n in range(max(44, arguments.queries // 10)):
                problems += filter(None, [asker.ask(n)])
            before, launchers = {pid: usage(pid) for pid in rig.processes()}, set(temporary_files(rig))
            kill_at, due = chance.sample(range(arguments.queries), arguments.kills), 0
            for n in range(arguments.queries):
                due += n in kill_at
                if due > 0 and rig.fit(FEWEST_MASTERS):
                    due -= 1
                    killed.append(chance.choice(VICTIMS))
                    Kill(rig, Cast(rig, killed[-1], str(n))).begin()
                problems += filter(None, [asker.ask(n)])
        if len(killed) < arguments.kills:
            problems.append(f"{arguments.kills - len(killed)} of {arguments.kills} kills found nobody to take the place")
        problems += checks.settled(rig, None)
        survivors = set(rig.processes()) & set(before)
        # Spares that became workers have warmed up since: theirs is compared with a worker's.
        warm = max(memory for memory, _ in before.values())

        def grown():
            found = []
            for pid in survivors:
                (memory, files), (memory_before, files_before) = usage(pid), before[pid]
                if memory > max(memory_before, warm) * (1 + MEMORY_SLACK) + MEMORY_FLOOR:
                    found.append(f"process {pid}: {memory_before >> 20} MiB became {memory >> 20}")
                if files > max(files_before, max(f for _, f in before.values())) + FILES_SLACK:
                    found.append(f"process {pid}: {files_before} open files became {files}")
            return found

        def left():
            return [f"temporary file {p}" for p in temporary_files(rig, *(["root/staging"] if arguments.staging else [])) if p not in launchers]

        wait_until(lambda: not grown() and not left(), SWEPT_S if arguments.staging else SETTLE_S, 1)
        problems += grown() + left()
        total = sum(usage(pid)[0] for pid in survivors) - sum(before[pid][0] for pid in survivors)
        print(f"cluster {number}: {arguments.queries} queries, {len(killed)} kills ({', '.join(killed)}), {len(survivors)} survivors, "
              f"memory {total / (1 << 20):+.0f} MiB in all", flush=True)
    finally:
        problems += [f"left behind: {x}" for x in rig.close()]
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clusters", type=int, default=1)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--spares", type=int, default=4)
    parser.add_argument("--staging", action="store_true", help="staged results too, which are swept each minute")
    arguments = parser.parse_args()
    began, problems = time.time(), []
    for i in range(arguments.clusters):
        problems += run_cluster(i + 1, arguments)
    for p in problems[:20]:
        print(f"WRONG  {p}")
    print(f"{len(problems)} problems in {time.time() - began:.0f} s")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
