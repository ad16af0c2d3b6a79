"""Faults one after the other under a mixed load: chaos.py --seed N --seconds S

Clients send short selects, TPC-H queries, single inserts and transfers (rows whose sum is zero, by INSERT … VALUES and by
distributed INSERT … SELECT) and repeat what fails by request id; readers check the sum all the time. From the seed comes
which fault hits whom and when. At the end nothing acknowledged is lost, nothing was applied twice, every answer was right,
one epoch committed at a time, and what is left of the cluster serves. When too few masters or workers are left the whole
world is killed and started again on its files. Asserts no time."""
import argparse
import collections
import contextlib
import random
import re
import signal
import sys
import threading
import time

import psycopg2

import checks
from clients import CarefulClient, GaveUp
from faults import AllMastersButOne, DeadAndHung, HungLoop, Kill, KillClaimant, KillSuccessor, Starve, StopLong, StopShort, TwoKills
from file_faults import (ClockJump, CorruptBlock, DamagedData, FailedSync, InputOutputError, MissingFile, NoSpace, ShortWrite,
                         Stall, StallAll, StaleLookups)
from full_faults import NoDescriptors, OutOfMemory
from rig import QUERIES, Rig, wait_until
from victims import VICTIMS, Cast
from world_faults import FlippedLog, SecondWorld, TornLog, WorldKilled

MENU = {Kill: 6, StopLong: 4, StopShort: 2, Starve: 2, TwoKills: 2, DeadAndHung: 2, KillClaimant: 2, KillSuccessor: 2,
        AllMastersButOne: 1, HungLoop: 1, ClockJump: 1, FailedSync: 2, InputOutputError: 2, NoSpace: 1, ShortWrite: 1, Stall: 1,
        StallAll: 1, StaleLookups: 2, MissingFile: 1, CorruptBlock: 1, OutOfMemory: 1, NoDescriptors: 1, FlippedLog: 1, TornLog: 1,
        SecondWorld: 1}
PAUSE_S = 2.0     # at most, between two faults
# Refused for the moment; and the rule that a task takes two workers with it at most.
TOLERATED = ("53", re.compile(r"58000: .*\btask .*was lost with its worker"))
SHARES = 61       # of lineitem: one distributed transfer moves one


class Load(threading.Thread):
    """One client; work(n) until it is told to stop. What it cannot forgive is in `problems`."""

    def __init__(self, rig, number, seed):
        super().__init__(daemon=True)
        self.rig, self.number, self.random = rig, number, random.Random(seed * 100 + number)
        masters = list(range(rig.shape[0]))
        self.client = CarefulClient(rig, masters[number % len(masters):] + masters[:number % len(masters)], TOLERATED)
        self.done, self.problems, self.count = threading.Event(), [], 0

    def run(self):
        while not self.done.is_set():
            try:
                self.work(self.count)
                self.count += 1
            except (GaveUp, psycopg2.Error) as e:
                self.problems.append(f"{type(self).__name__} {self.count}: {str(e).strip()[:300]}")
                time.sleep(0.5)
        self.client.close()

    def request(self):
        return f"{type(self).__name__}-{self.number}-{self.count}"

    def wrong(self, text):
        self.problems.append(f"{type(self).__name__} {self.count}: {text}")


class ShortSelects(Load):
    def work(self, n):
        rows = self.client.execute(f"SELECT n_regionkey, count(*) FROM nation WHERE n_nationkey >= {n % 5} GROUP BY n_regionkey")
        if len(rows) != 5:
            self.wrong(rows)
        time.sleep(0.01)


class Tpch(Load):
    def work(self, n):
        q = self.random.randint(1, 22)
        rows = self.client.execute(QUERIES[q])
        if not checks.same_rows([[None if v is None else str(v) for v in row] for row in rows], self.rig.answers[q]):
            self.wrong(f"wrong answer of Q{q:02d}")


class Inserts(Load):
    def work(self, n):
        self.client.execute(f"INSERT INTO ledger VALUES ({self.number}, {n})", self.request())


class Transfers(Load):
    def work(self, n):
        if n % 4:
            amount = self.random.randint(1, 1000)
            self.client.execute(f"INSERT INTO transfers VALUES ({n}, {amount}), ({n + 1}, {-amount})", self.request())
        else:
            share = f"FROM lineitem WHERE l_orderkey % {SHARES} = {n % SHARES}"
            self.client.execute(f"INSERT INTO transfers SELECT l_orderkey, l_partkey {share} UNION ALL SELECT l_orderkey, -l_partkey {share}",
                                self.request())


class Balances(Load):
    """What a reader has seen does not go away, and it never sees a part of a transfer."""
    seen = 0

    def work(self, n):
        count, total = self.client.execute("SELECT count(*), coalesce(sum(amount), 0) FROM transfers")[0]
        if total != 0:
            self.wrong(f"the sum of all transfers is {total}")
        if count < self.seen:
            self.wrong(f"{self.seen} rows were there, now {count}")
        self.seen = count
        time.sleep(0.02)


class Reading(threading.Thread):
    """Reads the table that a fault damages, until its rows are right."""
    name = "scan"

    def __init__(self, fault):
        super().__init__(daemon=True)
        self.fault, self.rows = fault, None
        self.client = CarefulClient(fault.rig, [fault.cast.probe_master], (*TOLERATED, *fault.tolerated))

    def run(self):
        try:
            self.rows = self.client.execute(f"SELECT count(*), sum(l_orderkey), sum(l_quantity) FROM {self.fault.source}")
            self.client.execute(f"DROP TABLE {self.fault.source}")
        except (GaveUp, psycopg2.Error) as e:
            self.rows = str(e).strip()
        self.client.close()


def hit(rig, chance, number):
    """One fault from the seed; its name, why it met nothing, if so, and what was wrong."""
    chosen = chance.choices(list(MENU), MENU.values())[0]
    if not rig.fit(max(chosen.masters, 3)):
        everybody = WorldKilled(rig, None)
        everybody.begin()
        everybody.end()
        return "all-killed everybody", None, []
    victim = chance.choice(VICTIMS)
    damages = issubclass(chosen, DamagedData)
    if not chosen.applies("scan" if damages else "idle", victim):
        victim = "active"
    rig.disarm_all()
    fault = chosen(rig, Cast(rig, victim, str(number)))
    fault.tolerated = TOLERATED
    wrong = []
    try:
        fault.arm()
        fault.begin()
        if damages:
            fault.tolerated = chosen.tolerated
            fault.activity = Reading(fault)
            fault.activity.start()
        fault.end()
        missed = fault.missed()
    except psycopg2.Error as e:  # what the fault itself asked for; those who must be answered are the load's clients
        missed = str(e).strip()[:100]
        fault.send(fault.cast.victim_pid, signal.SIGCONT)
    rig.disarm_all()
    if fault.activity is not None:
        fault.activity.join(90)
        if fault.activity.rows != [rig.wide]:
            wrong.append(f"{fault.name}: whole again, the table gives {fault.activity.rows}")
    return f"{fault.name} {victim}", missed, wrong


def verify(rig, loads):
    problems = [p for load in loads for p in load.problems]
    problems += checks.settled(rig, None)
    master = next(line for _, _, role, line in rig.members() if role in ("active", "backup") and line is not None)
    with contextlib.closing(rig.connect(master)) as connection, connection.cursor() as cursor:
        problems += checks.data(rig, connection)
        wanted = {load.number: load.count for load in loads if isinstance(load, Inserts)}
        cursor.execute("SELECT client, count(*), count(DISTINCT n) FROM ledger GROUP BY client")
        for client, count, distinct in cursor.fetchall():
            if (count, distinct) != (wanted.get(client), wanted.get(client)):
                problems.append(f"client {client}: {wanted.get(client)} inserts acknowledged, {count} rows, {distinct} different")
        cursor.execute("SELECT coalesce(sum(amount), 0) FROM transfers")
        total = cursor.fetchone()[0]
        if total != 0:
            problems.append(f"the sum of all transfers is {total}")
    return problems + checks.log(rig)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    rig, problems, names, missed = Rig(), [], collections.Counter(), collections.Counter()
    try:
        rig.start()
        rig.load()
        rig.cluster.query("CREATE TABLE ledger (client int4, n int8); CREATE TABLE transfers (account int8, amount int8)")
        loads = [kind(rig, i, arguments.seed) for i, kind in enumerate([ShortSelects, Tpch, Inserts, Inserts, Transfers, Balances])]
        for load in loads:
            load.start()
        end, began = time.time() + arguments.seconds, time.time()
        while time.time() < end:
            time.sleep(chance.uniform(0.2, PAUSE_S))
            if not wait_until(lambda: any(m[2] == "active" for m in rig.members()), 60):
                problems.append("no active master for 60 s")
                break
            name, why, wrong = hit(rig, chance, sum(names.values()) + sum(missed.values()))
            problems += wrong
            (missed if why else names)[name.split()[0]] += 1
            print(f"{time.time() - began:6.1f} s  {name}{f' (missed: {why})' if why else ''}  {[load.count for load in loads]}", flush=True)
        for load in loads:
            load.done.set()
        for load in loads:
            load.join(90)
            if load.is_alive():
                problems.append(f"{type(load).__name__} did not end: {load.client.errors[-2:]}")
        problems += verify(rig, loads)
        print(f"{sum(names.values())} faults met something {dict(names)}, {sum(missed.values())} nothing {dict(missed)}; statements {[(type(x).__name__, x.count) for x in loads]}")
    finally:
        if problems:
            rig.cluster.show_logs(60)
        problems += [f"left behind: {x}" for x in rig.close()]
    for p in problems[:20]:
        print(f"WRONG  {p}")
    print(f"seed {arguments.seed}: {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
