"""What the cluster is doing when the fault comes. begin() returns when the activity stands at the point where the fault is to
meet it (a process waits there in fault_at()), with the victim among those it concerns; release() lets it go on."""
import io
import itertools
import threading
import time

import psycopg2

from clients import PATIENCE_S, CarefulClient, ServerError, SlowReader
from rig import wait_until
from victims import Missed

REACH_S = 15  # to come to the point; an activity that does not is a cell that missed
ABANDON_S = 15  # for a client to notice that it was given up
ROWS = 20_000
FORCE = [("tajo.optimizer.force_distributed", "on")]


class Activity:
    needs_workers = False  # has a QueryMaster and tasks when the fault comes
    point = None           # where it stands still when the fault comes
    source = "wide"        # what it reads; a fault may have a table of its own for it

    def __init__(self, rig, cast, tolerated, number):
        self.rig, self.cast, self.number = rig, cast, number
        self.client = CarefulClient(rig, cast.client_masters, tolerated, FORCE)
        self.thread = threading.Thread(target=self._body, daemon=True)
        self.problem, self.ended_at, self.query_masters = None, None, set()

    def _body(self):
        try:
            self.run()
        except Exception as e:  # noqa: BLE001: whatever the client meets is the cell's result
            self.problem = f"{type(e).__name__}: {str(e).strip()[:300]}"
        self.ended_at = time.time()

    def start(self):
        """Before the victim is known."""
        self.rig.arm("query.begin", "mark")

    def find_query_master(self):
        """Starts the client; rank of the QueryMaster's process, for activities that have one by then."""
        self.thread.start()
        if not self.needs_workers:
            return None
        if not wait_until(lambda: self.rig.hits("query.begin"), REACH_S, 0.005):
            raise Missed("no QueryMaster began")
        self.query_masters = self.rig.hits("query.begin")
        return next(iter(self.query_masters))

    def meet_before_work(self):
        """Before start(): the fault meets its tasks before they read or write, not at its own point."""
        self.point = "task.scan"

    def hold_tasks(self):
        self.rig.arm(self.point, "hold")

    def reach(self):
        """Waits until the victim is in the middle of it."""

    def reach_tasks(self):
        concerned = self.cast.victim_pid if self.cast.victim_is_worker and self.needs_workers else None
        if not wait_until(lambda: concerned in self.rig.hits(self.point) if concerned else self.rig.hits(self.point), REACH_S, 0.005):
            raise Missed(f"process {concerned} never came to {self.point}; {self.rig.hits(self.point)}; {self.problem}")

    def release(self):
        pass

    def in_progress(self):
        return self.thread.is_alive()

    def finish(self, patience_s):
        self.thread.join(patience_s)
        if self.thread.is_alive():
            self.client.abandon()
            self.thread.join(5)
            return f"no end after {patience_s} s; {self.client.errors[-3:]}"
        return self.problem

    def verify(self, cursor):
        """Problems with what must be there now."""
        return []

    def abandon(self):
        self.client.abandon()

    def close(self):
        """A statement that still runs is given up first: libpq's connections are for one thread at a time."""
        if self.thread.is_alive():
            self.client.give_up()
            self.abandon()
            self.thread.join(ABANDON_S)
        if not self.thread.is_alive():
            self.client.close()

    def request(self, what):
        return f"cell-{self.number}-{what}"


class Held(Activity):
    """Stands still at a point inside the processes."""

    def start(self):
        super().start()
        self.hold_tasks()

    def reach(self):
        self.reach_tasks()

    def release(self):
        self.rig.disarm(self.point)


class Idle(Activity):
    """A client with a session that asks nothing while the fault comes, and then again."""
    name = "idle"

    def start(self):
        super().start()
        self.run()

    def find_query_master(self):
        return None

    def in_progress(self):
        return True

    def run(self):
        if self.client.execute("SELECT count(*) FROM region") != [(5,)]:
            self.problem = "wrong answer after the fault"

    def finish(self, patience_s):
        self.thread.start()
        return super().finish(patience_s)


class HeldCommit(Activity):
    """The active's append to the log stands still while the statement waits for it."""

    def hold_log(self):
        self.rig.clear_hits("log.append")
        self.rig.arm("log.append", "hold", self.cast.active_pid)

    def reach_log(self):
        if not wait_until(lambda: self.rig.hits("log.append"), REACH_S, 0.005):
            raise Missed(f"no commit came to the log; {self.problem}")

    def release(self):
        self.rig.disarm("log.append", self.cast.active_pid)


class Ddl(HeldCommit):
    name = "ddl"

    def start(self):
        super().start()
        self.table, self.gone = f"made_{self.number}", f"gone_{self.number}"
        self.client.execute(f"CREATE TABLE {self.gone} (a int8)", self.request("before"))
        self.hold_log()

    def run(self):
        self.client.execute(f"CREATE TABLE {self.table} (k int8, v text)", self.request("create"))
        self.client.execute(f"DROP TABLE {self.gone}", self.request("drop"))

    def reach(self):
        self.reach_log()

    def verify(self, cursor):
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_name IN (%s, %s)", (self.table, self.gone))
        names = [row[0] for row in cursor.fetchall()]
        if names != [self.table]:
            return [f"tables after CREATE and DROP: {names}"]
        cursor.execute(f"DROP TABLE {self.table}")
        return []


class Scan(Held):
    name, point, needs_workers = "scan", "task.scan", True

    def run(self):
        rows = self.client.execute("SELECT count(*), sum(l_orderkey), sum(l_quantity) "
                                   f"FROM {self.source} WHERE l_linenumber > 0")
        if rows != [self.rig.wide]:
            self.problem = f"wrong answer of the scan: {rows}"


class Shuffle(Held):
    name, point, needs_workers = "shuffle", "task.exchange", True

    def run(self):
        rows = self.client.execute("SELECT sum(c), sum(k * c), sum(q) FROM (SELECT l_orderkey AS k, l_linenumber AS n, count(*) AS c, "
                                   f"sum(l_quantity) AS q FROM {self.source} GROUP BY l_orderkey, l_linenumber) AS g")
        if rows != [self.rig.wide]:
            self.problem = f"wrong answer of the shuffle: {rows}"


class Write(HeldCommit):
    """A table is written. Masters are met while the commit is in the log's hands, workers while they write."""
    needs_workers, point = True, "table.publish"

    def start(self):
        super().start()
        self.table = f"written_{self.number}"
        self.prepare()
        self.hold_tasks()

    def prepare(self):
        pass

    def reach(self):
        self.reach_tasks()
        if self.cast.victim_is_worker or self.point != Write.point:
            return
        self.hold_log()
        self.rig.disarm(self.point)
        self.reach_log()

    def release(self):
        self.rig.disarm(self.point)
        super().release()

    def verify(self, cursor):
        self.rig.tables[self.table] = self.rig.wide
        return []


class CreateAs(Write):
    name = "ctas"

    def run(self):
        self.client.execute(f"CREATE TABLE {self.table} AS SELECT * FROM {self.source}", self.request("write"))


class Insert(Write):
    name = "insert"

    def prepare(self):
        self.client.execute(f"CREATE TABLE {self.table} AS SELECT * FROM wide LIMIT 0", self.request("before"))

    def run(self):
        self.client.execute(f"INSERT INTO {self.table} SELECT * FROM {self.source}", self.request("write"))


class Stream(Activity):
    """A result of which the client has read a part. Rows of the raw reader: count and sum of the first column."""
    name, needs_workers = "stream", True

    def start(self):
        super().start()
        if self.point:
            self.hold_tasks()
        self.reader, self.gate, self.reading = None, threading.Event(), threading.Event()

    def read_all(self, reader):
        reader.send("SET tajo.optimizer.force_distributed = 'on'")
        reader.rows()
        reader.send(f"SELECT l_orderkey, l_comment FROM {self.source}")
        count, total, _ = reader.rows(100)
        self.reading.set()
        self.gate.wait(REACH_S + 30)
        more, sum_of_more, complete = reader.rows()
        if not complete or (count + more, total + sum_of_more) != self.rig.wide[:2]:
            self.problem = f"wrong rows: {count + more}, {total + sum_of_more}"

    def run(self):
        until, masters = time.time() + PATIENCE_S, itertools.cycle(self.cast.client_masters)
        while time.time() < until and not self.client.given_up:
            master = next(masters)
            try:
                self.reader = SlowReader(self.rig.cluster, master)
                return self.read_all(self.reader)
            except (OSError, psycopg2.OperationalError) as e:
                self.client.errors.append(f"connection lost: {e}")
            except ServerError as e:
                if not self.client.forgives(str(e)):
                    raise
                self.client.errors.append(str(e))
            finally:
                if self.reader is not None:
                    self.reader.close()
            time.sleep(0.1)
        self.problem = "no master gave the result"

    def reach(self):
        if self.point:
            self.reach_tasks()
        elif not self.reading.wait(REACH_S):
            raise Missed(f"no first row; {self.problem}")

    def release(self):
        self.gate.set()
        if self.point:
            self.rig.disarm(self.point)

    def abandon(self):
        if self.reader is not None:
            self.reader.abandon()


class Copy(Activity):
    """COPY FROM STDIN. Masters are met in the middle of the rows, workers while they write them."""
    name, point = "copy", "table.publish"

    def meet_before_work(self):
        self.point = "task.exchange"

    def __init__(self, rig, cast, tolerated, number):
        super().__init__(rig, cast, tolerated, number)
        self.needs_workers = cast.victim_is_worker
        self.table = f"copied_{number}"
        self.half, self.gate = threading.Event(), threading.Event()

    def start(self):
        super().start()
        self.client.execute(f"CREATE TABLE {self.table} (k int8, v text)", self.request("before"))
        if self.needs_workers:
            self.gate.set()
            self.hold_tasks()

    def run(self):
        self.client.copy_in(f"COPY {self.table} FROM STDIN WITH CSV", lambda: _Rows(self), self.request("copy"))

    def reach(self):
        if not self.half.wait(REACH_S):
            raise Missed(f"no rows were asked for; {self.problem}")
        if self.needs_workers:
            if not wait_until(lambda: self.rig.hits(self.point), REACH_S, 0.005):
                raise Missed(f"nobody wrote; {self.problem}")
            if self.cast.victim == "worker":
                self.cast.writer_is(next(iter(self.rig.hits(self.point))))

    def release(self):
        self.gate.set()
        self.rig.disarm(self.point)

    def verify(self, cursor):
        self.rig.tables[self.table] = (ROWS, ROWS * (ROWS + 1) // 2)
        return []


class _Rows(io.RawIOBase):
    """ROWS lines; at half of them it waits for the gate."""

    def __init__(self, activity):
        self.activity, self.next = activity, 1

    def read(self, size=8192):
        if self.next > ROWS:
            return b""
        if self.next > ROWS // 2:
            self.activity.half.set()
            self.activity.gate.wait(REACH_S + 30)
        end = min(self.next + 500, ROWS + 1)
        text = "".join(f"{i},row {i} of many\n" for i in range(self.next, end))
        self.next = end
        return text.encode()


ACTIVITIES = {a.name: a for a in (Idle, Ddl, Scan, Shuffle, CreateAs, Insert, Stream, Copy)}
