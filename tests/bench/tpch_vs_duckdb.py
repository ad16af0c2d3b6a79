"""TPC-H beside DuckDB in one run: tpch_vs_duckdb.py [--scale 1] [--runs 5] [--threads 2]. One master and one worker with that
many executor threads against DuckDB with as many threads, same machine, same data, hot, medians. Prints Markdown."""
import argparse
import math
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "sql"), str(HERE.parent / "sql/tpch")]
from cluster import ROOT, Cluster  # noqa: E402
import run_tpch  # noqa: E402


def median_ms(action, runs):
    action()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def main():
    import duckdb

    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", default="1")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    data = run_tpch.make_data(arguments.scale)
    queries = [(HERE.parent / f"sql/tpch/q{q:02d}.sql").read_text() for q in range(1, 23)]

    peer = duckdb.connect()
    peer.execute(f"SET threads = {arguments.threads}")
    for table in run_tpch.TABLES:
        peer.execute(f"CREATE TABLE {table} AS SELECT * FROM '{data}/{table}.parquet'")

    with Cluster(masters=2, workers=1, settings={"tajo.worker.resource.cpu-cores": str(arguments.threads)}) as cluster:
        cursor = cluster.connect().cursor()
        begin = time.perf_counter()
        run_tpch.load(cursor, data)
        load_s = time.perf_counter() - begin
        cursor.execute("SELECT sum(num_bytes), sum(num_rows) FROM information_schema.tables WHERE table_type = 'BASE TABLE'")
        size, rows = map(int, cursor.fetchone())
        cursor.execute("SELECT num_bytes, num_rows FROM information_schema.tables WHERE table_name = 'lineitem'")
        lineitem_bytes, lineitem_rows = map(int, cursor.fetchone())

        def ask(text, c=cursor):
            c.execute(text)
            c.fetchall()

        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
        cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
        print(f"Machine: {cpu}, {arguments.threads} threads each; commit {commit}; DuckDB {duckdb.__version__} in memory; "
              f"scale {arguments.scale}, hot, median of {arguments.runs}.\n")
        print("| query | Tajo ms | DuckDB ms | ratio | planning ms | ns per lineitem row |")
        print("| --- | --- | --- | --- | --- | --- |")
        ours, theirs = [], []
        for number, text in enumerate(queries, 1):
            a = median_ms(lambda: ask(text), arguments.runs)
            b = median_ms(lambda: peer.execute(text).fetchall(), arguments.runs)
            cursor.execute("EXPLAIN " + text)
            planning = cursor.fetchall()[-1][0].split(":")[1].strip().split()[0]
            ours.append(a)
            theirs.append(b)
            print(f"| Q{number} | {a:.1f} | {b:.1f} | {a / b:.2f} | {planning} | {1e6 * a / lineitem_rows:.1f} |", flush=True)
        print(f"| **sum** | {sum(ours):.0f} | {sum(theirs):.0f} | {sum(ours) / sum(theirs):.2f} | | |")
        print(f"| **geometric mean** | {geometric_mean(ours):.1f} | {geometric_mean(theirs):.1f} | "
              f"{geometric_mean(ours) / geometric_mean(theirs):.2f} | | |\n")
        print("| other | figure |\n| --- | --- |")
        print(f"| load of all tables from Parquet | {load_s:.1f} s, {size / load_s / 1e6:.0f} MB/s written, {1e9 * load_s / rows:.0f} ns per row |")
        print(f"| size of all tables | {size / 1e6:.0f} MB; lineitem {lineitem_bytes / 1e6:.0f} MB, {lineitem_bytes / lineitem_rows:.1f} bytes per row |")
        print(f"| `SELECT 1` on the active | {median_ms(lambda: ask('SELECT 1'), 200):.3f} ms |")
        backup = cluster.connect(1).cursor()
        print(f"| `SELECT 1` through a backup | {median_ms(lambda: ask('SELECT 1', backup), 200):.3f} ms |")
        print(f"| fixed cost of a query (`SELECT count(*) FROM region`) | {median_ms(lambda: ask('SELECT count(*) FROM region'), 100):.2f} ms |")
        cursor.execute("CREATE TABLE one (a int4)")
        print(f"| INSERT of one row | {median_ms(lambda: cursor.execute('INSERT INTO one VALUES (1)'), 100):.2f} ms |")


if __name__ == "__main__":
    main()
