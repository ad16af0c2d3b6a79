"""Runs .slt files against a real cluster: run_slt.py [--workers N] [--set NAME=VALUE] [--conf NAME=VALUE] [--record] FILE|DIRECTORY…

A file is a list of records divided by blank lines; `#` begins a comment line:
    statement ok                 the statement(s) that follow succeed
    statement error SQLSTATE     … fails with that SQLSTATE; a further word is looked for in the message
    query [rowsort]              the rows that follow `----`, columns divided by |, NULL as NULL, an empty text as (empty)
    skipif NAME REASON           leaves the next record out when the run has --shape NAME
Each file runs in a database of its own. --record rewrites the expected rows from the cluster's answers: read the diff."""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster  # noqa: E402

import psycopg2  # noqa: E402
import psycopg2.extensions  # noqa: E402


def keep_text():
    """Values as the server sent them: no conversion by the driver."""
    oids = [16, 17, 20, 21, 23, 25, 700, 701, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1700]
    as_text = psycopg2.extensions.new_type(tuple(oids), "TEXT", lambda value, cursor: value)
    psycopg2.extensions.register_type(as_text)


def parse(path):
    records, block, start = [], [], 0
    for number, line in enumerate(path.read_text().splitlines() + [""], 1):
        if line.startswith("#"):
            continue
        if line.strip():
            if not block:
                start = number
            block.append(line)
        elif block:
            records.append((start, block))
            block = []
    return records


def shown(row):
    return "|".join("NULL" if v is None else "(empty)" if v == "" else v for v in row)


class Runner:
    def __init__(self, cluster, shape, settings, record):
        self.cluster, self.shape, self.settings, self.record = cluster, shape, settings, record
        self.failures = self.passed = 0

    def run_file(self, path):
        database = "slt_" + path.stem
        admin = self.cluster.connect()
        admin.cursor().execute(f"DROP DATABASE IF EXISTS {database} CASCADE; CREATE DATABASE {database}")
        connection = self.cluster.connect(database=database)
        cursor = connection.cursor()
        for name, value in self.settings:
            cursor.execute(f"SET {name} = '{value}'")
        skip = False
        before = self.failures
        replacements = []
        for line, block in parse(path):
            head, body = block[0].split(), block[1:]
            if head[0] == "skipif":
                skip = head[1] == self.shape
                block = body
                if not block:
                    continue
                head, body = block[0].split(), block[1:]
            if skip:
                skip = False
                continue
            try:
                self.run_record(path, line, head, body, cursor, replacements)
            except psycopg2.OperationalError as e:
                self.fail(path, line, f"connection lost: {e}")
                connection = self.cluster.connect(database=database)
                cursor = connection.cursor()
        if self.record and replacements:
            text = path.read_text()
            for old, new in replacements:
                text = text.replace(old, new, 1)
            path.write_text(text)
        connection.close()
        admin.cursor().execute(f"DROP DATABASE {database} CASCADE")
        admin.close()
        print(f"{'ok  ' if self.failures == before else 'FAIL'} {path.name}", flush=True)

    def fail(self, path, line, message):
        self.failures += 1
        print(f"{path}:{line}: {message}", flush=True)

    def run_record(self, path, line, head, body, cursor, replacements):
        kind = head[0]
        if kind == "statement":
            sql = "\n".join(body)
            expected = head[2] if head[1] == "error" else None
            try:
                cursor.execute(sql)
            except psycopg2.Error as e:
                if expected is None:
                    return self.fail(path, line, f"{e.pgcode}: {str(e).strip()}")
                if e.pgcode != expected:
                    return self.fail(path, line, f"expected error {expected}, got {e.pgcode}: {str(e).strip()}")
                wanted = " ".join(head[3:])
                if wanted and wanted not in str(e):
                    return self.fail(path, line, f"error text lacks {wanted!r}: {str(e).strip()}")
                self.passed += 1
                return None
            if expected is not None:
                return self.fail(path, line, f"expected error {expected}, but it succeeded")
        elif kind == "query":
            at = body.index("----") if "----" in body else len(body)
            sql, want = "\n".join(body[:at]), body[at + 1:]
            try:
                cursor.execute(sql)
                got = [shown(row) for row in cursor.fetchall()]
            except psycopg2.Error as e:
                return self.fail(path, line, f"{e.pgcode}: {str(e).strip()}")
            if "rowsort" in head:
                got, want = sorted(got), sorted(want)
            if got != want:
                if self.record:
                    old = "\n".join([" ".join(head)] + body)
                    new = "\n".join([" ".join(head)] + body[:at] + ["----"] + got)
                    replacements.append((old, new))
                else:
                    return self.fail(path, line, "wrong rows\n  expected: " + "\n            ".join(want[:20]) +
                                     "\n  got:      " + "\n            ".join(got[:20]))
        else:
            return self.fail(path, line, f"unknown record {kind!r}")
        self.passed += 1
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--masters", type=int, default=1)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--conf", action="append", default=[])
    parser.add_argument("--shape", default="")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    keep_text()
    files = []
    for path in map(pathlib.Path, arguments.paths):
        files += sorted(path.rglob("*.slt")) if path.is_dir() else [path]
    started = time.time()
    with Cluster(masters=arguments.masters, workers=arguments.workers, settings=dict(c.split("=", 1) for c in arguments.conf)) as cluster:
        runner = Runner(cluster, arguments.shape, [s.split("=", 1) for s in arguments.set], arguments.record)
        for path in files:
            runner.run_file(path)
    print(f"{len(files)} files, {time.time() - started:.1f} s", flush=True)
    print(f"{runner.passed} passed, {runner.failures} failed", flush=True)
    sys.exit(1 if runner.failures or not runner.passed else 0)


if __name__ == "__main__":
    main()
