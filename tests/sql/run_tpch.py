"""All 22 TPC-H queries against the published answers: run_tpch.py [--workers N] [--masters M] [--scale S] [--set NAME=VALUE] [--conf NAME=VALUE]
[--kill worker|active]: with --kill a task of each query stands still in the middle of its scan until the worker that runs it, or
the active master, is dead; the answers must not change. Spares take the places of dead workers; the cluster is started again when
none is left."""
import argparse
import csv
import decimal
import io
import pathlib
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE / "tpch"))
import psycopg2  # noqa: E402

from cluster import ROOT, Cluster, wait_until  # noqa: E402
import fetch_answers  # noqa: E402

TABLES = "customer lineitem nation orders part partsupp region supplier".split()


def make_data(scale):
    """Parquet files of that scale, made once per build directory by the generator that the published answers are of."""
    directory = ROOT / "build" / "tpch" / f"sf{scale}"
    if not (directory / "complete").exists():
        directory.mkdir(parents=True, exist_ok=True)
        generator = fetch_answers.connect()
        generator.execute(f"CALL dbgen(sf = {scale})")
        for table in TABLES:
            generator.execute(f"COPY {table} TO '{directory}/{table}.parquet' (FORMAT parquet)")
        (directory / "complete").touch()
    return directory


def load(cursor, directory):
    for table in TABLES:
        cursor.execute(f"CREATE EXTERNAL TABLE {table}_file USING PARQUET LOCATION 'file://{directory}/{table}.parquet'")
        cursor.execute(f"CREATE TABLE {table} AS SELECT * FROM {table}_file")


def same(got, want):
    if got is None:
        return want in ("", "NULL")
    text = str(got)
    if text == want or text.rstrip() == want.rstrip():
        return True
    try:
        a, b = decimal.Decimal(text), decimal.Decimal(want)
    except decimal.InvalidOperation:
        return False
    return abs(a - b) <= max(decimal.Decimal("0.011"), abs(b) * decimal.Decimal("1e-9"))


def compare(rows, answer):
    want = list(csv.reader(io.StringIO(answer)))[1:]
    if len(rows) != len(want):
        return f"{len(rows)} rows instead of {len(want)}"
    for i, (row, expected) in enumerate(zip(rows, want)):
        for j, (got, text) in enumerate(zip(row, expected)):
            if not same(got, text):
                return f"row {i + 1} column {j + 1}: {got} instead of {text}"
    return None


class Kills:
    """Runs statements so that `victim` ("worker", "active") dies in the middle of each, a scan of it standing still."""
    PATIENCE_S = 30

    def __init__(self, cluster, victim, faults, settings):
        self.cluster, self.victim, self.faults, self.settings = cluster, victim, pathlib.Path(faults), settings
        self.kills = self.starts = 0
        self.master = 0

    def roles(self):
        """The first master that answers: [(pid, role)]; it serves the client."""
        for self.master in range(self.cluster.masters):
            try:
                return [(pid, role) for _, pid, role, _ in self.cluster.members(self.master) if role]
            except psycopg2.Error:
                continue
        return []

    def ready(self):
        """Whether all workers are there, and for the active's end a backup."""
        roles = [role for _, role in self.roles()]
        return roles.count("worker") == self.cluster.workers and roles.count("active") == 1 and (self.victim == "worker" or "backup" in roles)

    def prepare(self):
        roles = [role for _, role in self.roles()]
        if not ("backup" in roles if self.victim == "active" else "spare" in roles or roles.count("worker") == self.cluster.workers):
            self.cluster.stop()
            self.cluster.start(force=True)
            self.starts += 1
        if not wait_until(self.ready, self.PATIENCE_S):
            raise RuntimeError(f"the cluster is not whole again: {self.roles()}")
        members = self.roles()
        if self.victim == "active":  # its client would have to ask elsewhere
            self.master = next(m for m in range(self.cluster.masters) if m != self.cluster.active(self.master)[2] and self.answers(m))
        return [pid for pid, role in members if role == "worker"]

    def answers(self, master):
        try:
            return bool(self.cluster.query("SELECT 1", master))
        except psycopg2.Error:
            return False

    def run(self, sql):
        """Its rows; an error of its own, or one when nothing was killed in the middle."""
        workers, result = self.prepare(), {}
        connection = self.cluster.connect(self.master)
        cursor = connection.cursor()
        for name, value in [("tajo.optimizer.force_distributed", "on"), *self.settings]:
            cursor.execute(f"SET {name} = '{value}'")

        def ask():
            try:
                cursor.execute(sql)
                result["rows"] = cursor.fetchall()
            except psycopg2.Error as e:
                result["error"] = e

        for pid in workers:
            (self.faults / f"task.scan.{pid}").write_text("hold")
        thread = threading.Thread(target=ask)
        thread.start()
        held = lambda: [pid for pid in workers if (self.faults / f"task.scan.{pid}.hit").exists()]  # noqa: E731
        try:
            if not wait_until(lambda: held() or not thread.is_alive(), self.PATIENCE_S, 0.005) or not held():
                raise RuntimeError(f"no task scanned: {result}")
            self.cluster.kill(held()[0] if self.victim == "worker" else self.cluster.active(self.master)[1])
            self.kills += 1
        finally:
            for file in self.faults.iterdir():
                file.unlink()
            thread.join(self.PATIENCE_S)
            connection.close()
        if "rows" not in result:
            raise result.get("error") or RuntimeError("no answer")
        return result["rows"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--masters", type=int, default=1)
    parser.add_argument("--spares", type=int, default=0)
    parser.add_argument("--scale", default="0.1")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--conf", action="append", default=[])
    parser.add_argument("--kill", choices=("worker", "active"))
    parser.add_argument("--queries", default=",".join(str(q) for q in range(1, 23)))
    arguments = parser.parse_args()
    directory = make_data(arguments.scale)
    answers = fetch_answers.connect()
    failures = 0
    settings = [s.split("=", 1) for s in arguments.set]
    with tempfile.TemporaryDirectory(prefix="tajo-faults-") as faults, \
            Cluster(masters=arguments.masters, workers=arguments.workers, spares=arguments.spares,
                    settings=dict(c.split("=", 1) for c in arguments.conf), environment={"TAJO_FAULTS": faults} if arguments.kill else None) as cluster:
        connection = cluster.connect()
        cursor = connection.cursor()
        load(cursor, directory)
        for name, value in settings:
            cursor.execute(f"SET {name} = '{value}'")
        kills = Kills(cluster, arguments.kill, faults, settings) if arguments.kill else None
        queries = [int(q) for q in arguments.queries.split(",")]
        for query in queries:
            text = (HERE / "tpch" / f"q{query:02d}.sql").read_text()
            started = time.time()
            try:
                if kills:
                    rows = kills.run(text)
                else:
                    cursor.execute(text)
                    rows = cursor.fetchall()
                problem = compare(rows, fetch_answers.answer(answers, query, float(arguments.scale)))
            except Exception as e:  # noqa: BLE001: any failure of a query is a failure of the test
                problem = str(e).strip()
                if connection.closed and not kills:
                    connection = cluster.connect()
                    cursor = connection.cursor()
            failures += problem is not None
            print(f"Q{query:02d} {'ok' if problem is None else 'WRONG: ' + problem} {1000 * (time.time() - started):.0f} ms", flush=True)
        if kills:
            print(f"{kills.kills} times the {arguments.kill} was killed in the middle of a query, {kills.starts} times the cluster was started again")
            failures += kills.kills != len(queries)
    print(f"{len(queries) - failures} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
