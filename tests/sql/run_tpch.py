"""All 22 TPC-H queries against the published answers: run_tpch.py [--workers N] [--masters M] [--scale S] [--set NAME=VALUE] [--conf NAME=VALUE]
[--kill worker|active]: with --kill that rank is killed in the middle of each query, and the answers must not change."""
import argparse
import csv
import decimal
import io
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE / "tpch"))
from cluster import ROOT, Cluster  # noqa: E402
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--masters", type=int, default=1)
    parser.add_argument("--spares", type=int, default=0)
    parser.add_argument("--scale", default="0.1")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--conf", action="append", default=[])
    parser.add_argument("--queries", default=",".join(str(q) for q in range(1, 23)))
    arguments = parser.parse_args()
    directory = make_data(arguments.scale)
    answers = fetch_answers.connect()
    failures = 0
    with Cluster(masters=arguments.masters, workers=arguments.workers, spares=arguments.spares,
                 settings=dict(c.split("=", 1) for c in arguments.conf)) as cluster:
        connection = cluster.connect()
        cursor = connection.cursor()
        load(cursor, directory)
        for setting in arguments.set:
            name, value = setting.split("=", 1)
            cursor.execute(f"SET {name} = '{value}'")
        queries = [int(q) for q in arguments.queries.split(",")]
        for query in queries:
            text = (HERE / "tpch" / f"q{query:02d}.sql").read_text()
            started = time.time()
            try:
                cursor.execute(text)
                problem = compare(cursor.fetchall(), fetch_answers.answer(answers, query, float(arguments.scale)))
            except Exception as e:  # noqa: BLE001: any failure of a query is a failure of the test
                problem = str(e).strip()
                if connection.closed:
                    connection = cluster.connect()
                    cursor = connection.cursor()
            failures += problem is not None
            print(f"Q{query:02d} {'ok' if problem is None else 'WRONG: ' + problem} {1000 * (time.time() - started):.0f} ms", flush=True)
    print(f"{len(queries) - failures} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
