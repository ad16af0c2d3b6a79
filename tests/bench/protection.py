"""What protection costs: protection.py [--scale 1] [--rounds 7]. Prints Markdown.

TPC-H with the commit log on a disk (the working directory's filesystem, or --directory) beside a twin whose log and data
lie in memory, where an append, a sync and a slot cost next to nothing; query by query in turn, medians. Kept task outputs
cost memory, not time: nothing is written for them. And the commit of an INSERT of one row beside a bare slot commit on the
same filesystem: append, fdatasync, symlink, fsync of the directory, with no cluster around it."""
import argparse
import math
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parent / "sql"), str(HERE.parent / "sql/tpch")]
from cluster import Cluster  # noqa: E402
from machine import machine_and_commit  # noqa: E402
import run_tpch  # noqa: E402

COMMITS = 400
RECORD = b"\x5a" * 256  # about what the commit of a one-row INSERT appends


def timed_ms(action):
    begin = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - begin)


class BareSlots:
    """The four calls of a group commit, and nothing else."""

    def __init__(self, directory):
        directory.mkdir(parents=True)
        self.directory, self.next = directory, 0
        self.segment = os.open(directory / "segment", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self.row = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)

    def commit(self):
        os.write(self.segment, RECORD)
        os.fdatasync(self.segment)
        os.symlink(f"slot {self.next}", self.directory / f"{self.next:08d}")
        os.fsync(self.row)
        self.next += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="1")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--directory", default=".")
    arguments = parser.parse_args()
    data = run_tpch.make_data(arguments.scale)
    queries = [(HERE.parent / f"sql/tpch/q{q:02d}.sql").read_text() for q in range(1, 23)]
    disk = pathlib.Path(tempfile.mkdtemp(prefix="tajo-protection-", dir=arguments.directory)).resolve()
    memory = pathlib.Path(tempfile.mkdtemp(prefix="tajo-protection-", dir="/dev/shm"))
    try:
        with Cluster(masters=2, workers=1, keep=disk / "cluster") as kept, Cluster(masters=2, workers=1, keep=memory / "cluster") as bare:
            cursors = [kept.connect().cursor(), bare.connect().cursor()]
            for cursor in cursors:
                run_tpch.load(cursor, data)

            def ask(cursor, text):
                cursor.execute(text)
                cursor.fetchall()

            ratios = []
            print(f"{machine_and_commit()}; scale {arguments.scale}\n\n| query | log on disk ms | log in memory ms | ratio |\n| --- | --- | --- | --- |")
            for number, text in enumerate(queries, 1):
                times = ([], [])
                for turn in range(arguments.rounds + 1):
                    for side in ((0, 1), (1, 0))[turn % 2]:
                        took = timed_ms(lambda: ask(cursors[side], text))
                        if turn:  # the first is warm-up
                            times[side].append(took)
                a, b = map(statistics.median, times)
                ratios.append(a / b)
                print(f"| Q{number} | {a:.1f} | {b:.1f} | {a / b:.3f} |", flush=True)
            print(f"| **geometric mean** | | | {math.exp(sum(map(math.log, ratios)) / len(ratios)):.3f} |\n")

            slots = BareSlots(disk / "slots")
            for cursor in cursors:
                cursor.execute("CREATE TABLE one (a int4)")
            insert, in_memory, slot = [], [], []
            for _ in range(COMMITS):
                insert.append(timed_ms(lambda: cursors[0].execute("INSERT INTO one VALUES (1)")))
                slot.append(timed_ms(slots.commit))
                in_memory.append(timed_ms(lambda: cursors[1].execute("INSERT INTO one VALUES (1)")))
            print("| commit | median ms |\n| --- | --- |")
            for what, values in (("INSERT of one row", insert), ("bare slot commit on the same filesystem", slot), ("INSERT of one row, log in memory", in_memory)):
                print(f"| {what} | {statistics.median(values):.2f} |")
            print(f"| difference of the first two | {statistics.median(insert) - statistics.median(slot):.2f} |")
    finally:
        shutil.rmtree(disk, ignore_errors=True)
        shutil.rmtree(memory, ignore_errors=True)


if __name__ == "__main__":
    main()
