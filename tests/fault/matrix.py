"""The fault matrix with real processes: {faults} x {activities} x {victims}.

    matrix.py --list                 the cells of the test run
    matrix.py                        runs them
    matrix.py --all [--resume]       every combination; --resume: without those that passed with these binaries
    matrix.py --fault kill --activity scan,write --victim active
    matrix.py --cell kill/scan/qm,host/ddl/active
    matrix.py --rig hosts            only what runs over several simulated hosts (root)
    matrix.py --figures 20           the table of docs/reliability.md: so many cells of each of its rows

Each cell: the activity stands at the point where the fault is to meet it, the fault comes, the activity goes on. Then no
acknowledged commit is lost, none applied twice, one epoch committed at a time (the log's slots), all 22 TPC-H answers and
count and sum of every written table are what they were; at the end of a cluster no process and no file is left. A cell
whose fault did not meet its activity has failed. Prints how long detection, claim and the next answer took; asserts no
time."""
import argparse
import contextlib
import json
import os
import pathlib
import random
import sys
import threading
import time
import traceback
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from activities import ACTIVITIES  # noqa: E402
import checks  # noqa: E402
from faults import PROCESS_FAULTS  # noqa: E402
from file_faults import FILE_FAULTS  # noqa: E402
from full_faults import FULL_FAULTS  # noqa: E402
from host_faults import HOST_FAULTS  # noqa: E402
import hosts  # noqa: E402
from listed import listed  # noqa: E402
from rig import HEAD, HOSTS, Rig  # noqa: E402
from victims import VICTIMS, Cast, Missed, Unsuited, exists  # noqa: E402
from world_faults import WORLD_FAULTS  # noqa: E402

TRIES = 3
SKIPPED = 77
MISSED = "missed: the fault: "
ACTIVITY_S = 60  # for the activity to end after the fault
# The rows of docs/reliability.md: what is said, the cell.
FIGURES = (("`kill -9` of the active master", "kill", "scan", "active"), ("the active master hangs (SIGSTOP)", "stop", "scan", "active"),
           ("its control thread hangs", "hung-loop", "scan", "active"), ("the active and a backup killed within 10 ms", "two-kills", "scan", "active"),
           ("the successor dies too, its claim just won", "claimant-dies", "scan", "active"),
           ("all masters but one killed", "one-master-left", "scan", "active"),
           ("`kill -9` of a worker with its QueryMaster", "kill", "scan", "qm"), ("the active's filesystem hangs", "stall-one", "scan", "active"),
           ("the active's log cannot be synced", "failed-fsync", "scan", "active"), ("the whole world killed, started again", "all-killed", "scan", "active"),
           ("the active's host is cut off", "cut", "scan", "active"), ("it hears nothing, and is heard", "cut-in", "scan", "active"),
           ("it hears everything, and is not heard", "cut-out", "scan", "active"),
           ("the active's host loses power", "power-loss", "scan", "active"), ("the active's host is lost with its prted", "host", "scan", "active"),
           ("the head host, with mpirun and the active", "head-host", "scan", "active"), ("two hosts at once, one of them the active's", "two-hosts", "scan", "active"),
           ("mpirun alone", "mpirun", "scan", "active"), ("the prted of the active's host", "prted", "scan", "active"))
FAULTS = {f.name: f for f in PROCESS_FAULTS + FILE_FAULTS + WORLD_FAULTS + FULL_FAULTS + HOST_FAULTS}
RIGS = {"one": {}, "hosts": {"masters": 5, "workers": 4, "spares": 3, "hosts": HOSTS}, "tight": {"tight": True}}
ROOT_ONLY = ("hosts", "tight")  # namespaces


def applies(fault, activity, victim):
    return exists(victim, activity) and FAULTS[fault].applies(activity, victim)


class Cell:
    def __init__(self, fault, activity, victim):
        self.fault, self.activity, self.victim = fault, activity, victim
        self.name = f"{fault}/{activity}/{victim}"


class Run:
    """Cells one after the other; a cluster is shared while it is fit, and started again on its own files when it is not."""

    def __init__(self, results):
        self.rig, self.results, self.number = None, results, 0

    def prepared(self, fault, victim):
        head = fault.head(victim)
        if self.rig is not None and self.rig.kind != fault.kind:
            self.close()
        if self.rig is not None and not (self.rig.fit(fault.masters) and head in (None, self.rig.head)
                                         and (not fault.launched or self.rig.launched())):
            self.restart(head)
        if self.rig is None:
            self.rig = Rig(**RIGS[fault.kind])
            self.rig.kind, self.rig.head = fault.kind, head or HEAD
            try:
                self.rig.start()
                self.rig.load()
            except BaseException:
                self.close()
                raise
        return self.rig

    def restart(self, head):
        left = self.rig.restart(head or HEAD)
        if left:
            print(f"       left behind: {left[:5]}", flush=True)
            self.results.left += left

    def cast(self, fault, cell):
        """A rig that fits and its roles; a fresh world when nobody of this one can be the victim."""
        rig = self.prepared(fault, cell.victim)
        rig.disarm_all()
        try:
            return rig, Cast(rig, cell.victim, cell.name, fault.place)
        except Unsuited:
            self.restart(fault.head(cell.victim))
            return rig, Cast(rig, cell.victim, cell.name, fault.place)

    def close(self):
        if self.rig is not None:
            left = self.rig.close()
            self.results.left += left
            self.rig = None

    def cell(self, cell):
        """A fault that missed its activity (another backup won the claim, say) has shown nothing: it is aimed again, and a
        cell that it misses TRIES times has failed."""
        for left in reversed(range(TRIES)):
            began = time.time()
            self.number += 1
            problems, times, missed = self.try_cell(cell)
            if missed and left:
                print(f"       {cell.name}: {problems[0]}; again", flush=True)
                continue
            self.results.add(cell, problems, times, time.time() - began)
            break
        if problems:
            self.results.keep_logs(cell, self.rig)
            self.close()

    def try_cell(self, cell):
        """Problems, times, whether all that is wrong is that the fault missed."""
        try:
            problems, times = self.run_cell(*self.cast(FAULTS[cell.fault], cell), cell)
        except (Missed, Unsuited) as e:
            return [f"missed: {e}"], {}, True
        except (NameError, TypeError, AttributeError):  # the runner's own
            raise
        except Exception as e:  # noqa: BLE001: a cell that the cluster cannot finish has failed
            traceback.print_exc()
            return [f"{type(e).__name__}: {str(e).strip()[:500]}"], {}, False
        return problems, times, len(problems) == 1 and problems[0].startswith(MISSED)

    def run_cell(self, rig, cast, cell):
        fault = FAULTS[cell.fault](rig, cast)
        activity = ACTIVITIES[cell.activity](rig, cast, fault.tolerated, 1000 * rig.starts + self.number)
        problems = []
        try:
            fault.activity = activity
            fault.arm()
            activity.source = fault.source
            if fault.before_work:
                activity.meet_before_work()
            activity.start()
            query_master = activity.find_query_master()
            if query_master is not None:
                cast.query_master_is(query_master)
            activity.reach()
            if not activity.in_progress():
                raise Missed(f"the activity ended before the fault; {activity.problem}")
            since = time.time()
            fault.begin()
            activity.release()
            lasting = Lasting(fault)
            answered, errors = checks.ask_until_answered(rig, cast.probe_master)
            lasting.join()
            if cast.client_pid in fault.hung:
                activity.abandon()
            problem = activity.finish(ACTIVITY_S)
            missed = None if lasting.problem else fault.missed()
        finally:
            rig.disarm_all()
            activity.release()
            activity.close()
        if problem:
            problems.append(problem)
        problems += [f"{MISSED}{missed}"] if missed else []
        problems += [f"the fault: {lasting.problem}"] if lasting.problem else []
        hit = fault.touched | (set(rig.pids.values()) - set(rig.processes()))
        strange = [e for e in activity.client.errors if not fault.explains(e)]
        if strange and not (cast.client_pid in hit or fault.anybody_errs):
            problems.append(f"the client met {strange[:3]}")
        if answered is None or errors and not (cast.probe_pid in hit or fault.anybody_errs):
            problems.append(f"the next question met {errors[:3]}")
        problems += checks.settled(rig, cast.probe_master)
        with contextlib.closing(rig.connect(cast.probe_master)) as connection:
            with connection.cursor() as cursor:
                problems += activity.verify(cursor) + fault.verify(cursor)
            problems += checks.data(rig, connection)
        found, slots = checks.log(rig)
        problems += found[:5]
        return problems, checks.times(rig, slots, since, cast.victim_rank, answered)


class Lasting(threading.Thread):
    """The fault while it lasts."""

    def __init__(self, fault):
        super().__init__(daemon=True)
        self.fault, self.problem = fault, None
        self.start()

    def run(self):
        try:
            self.fault.end()
        except Exception as e:  # noqa: BLE001: a part of the cell's result
            self.problem = f"{type(e).__name__}: {str(e).strip()[:300]}"


class Results:
    def __init__(self, file, binaries):
        self.file, self.binaries = file, binaries
        self.failed, self.passed, self.left, self.rows = 0, 0, [], []
        file.parent.mkdir(parents=True, exist_ok=True)

    def known_good(self):
        if not self.file.exists():
            return set()
        rows = [json.loads(line) for line in self.file.read_text().splitlines()]
        return {r["cell"] for r in rows if r["binaries"] == self.binaries and not r["problems"]}

    def add(self, cell, problems, times, took):
        self.failed += bool(problems)
        self.passed += not problems
        self.rows.append((cell, problems, times))
        with self.file.open("a") as f:
            f.write(json.dumps({"cell": cell.name, "problems": problems, "times": times, "binaries": self.binaries}) + "\n")
        shown = " ".join(f"{k} {1000 * v:.0f} ms" for k, v in times.items() if v is not None)
        print(f"{'FAILED' if problems else 'ok    '} {cell.name}  {shown}  [{took:.1f} s]", flush=True)
        for p in problems[:6]:
            print(f"         {p}", flush=True)

    def keep_logs(self, cell, rig):
        if rig is None:
            return
        target = self.file.parent / "failed" / cell.name.replace("/", "-")
        target.mkdir(parents=True, exist_ok=True)
        for log in (rig.directory / "root" / "logs").glob("*"):
            (target / log.name).write_bytes(log.read_bytes()[-200_000:])

    def figures(self):
        print("\n| what happens | times | detected after (ms) | slot won after (ms) | next answer: median (ms) | worst (ms) |\n| --- | --- | --- | --- | --- | --- |")
        for text, *words in FIGURES:
            times = [t for c, p, t in self.rows if [c.fault, c.activity, c.victim] == words and not p]
            shown = []
            for key in ("detection", "slot", "answer"):
                values = sorted(1000 * t[key] for t in times if t.get(key) is not None)
                shown.append(f"{values[len(values) // 2]:.0f}" if values else "")
            worst = max((1000 * t["answer"] for t in times), default=0)
            print(f"| {text} | {len(times)} | {' | '.join(shown)} | {worst:.0f} |")
        print(f"\n{len(self.rows)} faults, {self.failed} cells with anything lost, wrong or left")

    def summary(self):
        print("\nfault x victim: cells, median ms of detection / slot / next answer")
        for fault in FAULTS:
            for victim in VICTIMS:
                times = [t for c, p, t in self.rows if (c.fault, c.victim) == (fault, victim) and not p]
                if not times:
                    continue
                middle = []
                for key in ("detection", "slot", "answer"):
                    values = sorted(t[key] for t in times if t.get(key) is not None)
                    middle.append(f"{1000 * values[len(values) // 2]:7.0f}" if values else "      -")
                print(f"  {fault:16} {victim:10} {len(times):3}  {' / '.join(middle)}")
        if self.left:
            print(f"left behind: {self.left[:10]}")
        print(f"{self.passed} passed, {self.failed} failed{', files or processes left behind' if self.left else ''}")


def possible(cells):
    """(cells that can be run here, how many cannot)"""
    why = hosts.available()
    left = [c for c in cells if not why or FAULTS[c.fault].kind not in ROOT_ONLY]
    if len(left) < len(cells):
        print(f"skipped: {len(cells) - len(left)} cells: {why}")
    return left, len(cells) - len(left)


def fingerprint():
    binary = pathlib.Path(os.environ["TAJO_BIN"]) / "tajod"
    return zlib.crc32(binary.read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--fault")
    parser.add_argument("--activity")
    parser.add_argument("--victim")
    parser.add_argument("--cell", help="fault/activity/victim,…")
    parser.add_argument("--rig", help=f"cells of these rigs only: {', '.join(RIGS)}")
    parser.add_argument("--figures", type=int, metavar="N")
    parser.add_argument("--results", default=str(HERE.parents[1] / "build" / "matrix" / "results.jsonl"))
    arguments = parser.parse_args()
    picked = {k: v.split(",") for k, v in (("fault", arguments.fault), ("activity", arguments.activity), ("victim", arguments.victim)) if v}
    every = [Cell(f, a, v) for f in FAULTS for a in ACTIVITIES for v in VICTIMS if applies(f, a, v)]
    cells = every if arguments.all or picked else [Cell(*words) for words in listed(FAULTS, list(ACTIVITIES), VICTIMS, applies)]
    cells = [c for c in cells if all(getattr(c, k) in values for k, values in picked.items())]
    if arguments.cell:
        cells = [c for name in arguments.cell.split(",") for c in every if c.name == name]
    if arguments.rig:
        cells = [c for c in cells if FAULTS[c.fault].kind in arguments.rig.split(",")]
    if arguments.list:
        print("\n".join(c.name for c in cells))
        return
    results = Results(pathlib.Path(arguments.results), fingerprint())
    if arguments.figures:
        cells = [Cell(*words) for _, *words in FIGURES for _ in range(arguments.figures)]
    if arguments.all:  # mixed, so that a part of it has seen something of everything
        random.Random(len(cells)).shuffle(cells)
    cells.sort(key=lambda c: list(RIGS).index(FAULTS[c.fault].kind))
    cells, skipped = possible(cells)
    if skipped and not cells:
        sys.exit(SKIPPED)
    good = results.known_good() if arguments.resume else set()
    run = Run(results)
    try:
        for cell in cells:
            if cell.name not in good:
                run.cell(cell)
    finally:
        run.close()
    if arguments.figures:
        results.figures()
    else:
        results.summary()
    sys.exit(1 if results.failed or results.left else 0)


if __name__ == "__main__":
    main()
