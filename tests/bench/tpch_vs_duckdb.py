"""TPC-H beside DuckDB in one run: tpch_vs_duckdb.py [--scale 1] [--runs 5] [--threads 2]. An active master, a backup and one
worker with that many executor threads against DuckDB with as many threads, same machine, same data, hot, medians; then what a
question costs in itself, and what a cluster costs that nobody asks. Prints Markdown."""
import argparse
import math
import os
import pathlib
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parent / "sql"), str(HERE.parent / "sql/tpch"), str(HERE.parent / "fault")]
from clients import SlowReader  # noqa: E402
from cluster import Cluster  # noqa: E402
from machine import machine_and_commit  # noqa: E402
import run_tpch  # noqa: E402

REST_S = 60
STREAM = "SELECT l_orderkey, l_comment FROM lineitem"


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


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def first_row_ms(cluster):
    """Times to the first and to the last row of a large result, read from the wire."""
    reader = SlowReader(cluster, 0)
    begin = time.perf_counter()
    reader.send(STREAM)
    reader.rows(1)
    first = time.perf_counter()
    rows = 1 + reader.rows()[0]
    last = time.perf_counter()
    reader.close()
    return 1000 * (first - begin), 1000 * (last - begin), rows


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
        begin = time.perf_counter()
        cursor.execute(f"CREATE EXTERNAL TABLE parquet USING PARQUET LOCATION 'file://{data}/lineitem.parquet'")
        cursor.execute("CREATE TABLE again AS SELECT * FROM parquet")
        lineitem_s = time.perf_counter() - begin
        cursor.execute("DROP TABLE again")
        cursor.execute("SELECT sum(num_bytes), sum(num_rows) FROM information_schema.tables WHERE table_type = 'BASE TABLE'")
        size, rows = map(int, cursor.fetchone())
        cursor.execute("SELECT num_bytes, num_rows FROM information_schema.tables WHERE table_name = 'lineitem'")
        lineitem_bytes, lineitem_rows = map(int, cursor.fetchone())

        def ask(text, c=cursor):
            c.execute(text)
            c.fetchall()

        print(f"{machine_and_commit()}; {arguments.threads} threads each; DuckDB {duckdb.__version__} in memory; "
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
        print(f"| load of lineitem from Parquet | {lineitem_s:.1f} s, {lineitem_bytes / lineitem_s / 1e6:.0f} MB/s written, "
              f"{1e9 * lineitem_s / lineitem_rows:.0f} ns per row |")
        print(f"| size of all tables | {size / 1e6:.0f} MB; lineitem {lineitem_bytes / 1e6:.0f} MB, {lineitem_bytes / lineitem_rows:.1f} bytes per row |")
        print(f"| `SELECT 1` on the active | {median_ms(lambda: ask('SELECT 1'), 200):.3f} ms |")
        backup = cluster.connect(1).cursor()
        print(f"| `SELECT 1` through a backup | {median_ms(lambda: ask('SELECT 1', backup), 200):.3f} ms |")
        print(f"| fixed cost of a query (`SELECT count(*) FROM region`) | {median_ms(lambda: ask('SELECT count(*) FROM region'), 100):.2f} ms |")
        cursor.execute("CREATE TABLE one (a int4)")
        first, last, count = first_row_ms(cluster)
        print(f"| first / last row of {count} (`{STREAM}`) | {first:.0f} / {last:.0f} ms, {1e6 * last / count:.0f} ns per row |")
        print(f"| INSERT of one row | {median_ms(lambda: cursor.execute('INSERT INTO one VALUES (1)'), 100):.2f} ms |")
        pids = [pid for _, pid, _, _ in cluster.members()]
        before = cpu_seconds(pids)
        time.sleep(REST_S)
        idle = 100 * (cpu_seconds(pids) - before) / REST_S / len(pids)
        begin = time.perf_counter()
        ask("SELECT 1")
        on_active = 1000 * (time.perf_counter() - begin)
        begin = time.perf_counter()
        ask("SELECT 1", backup)
        print(f"| the first `SELECT 1` after {REST_S} s of rest, active / backup | {on_active:.2f} / {1000 * (time.perf_counter() - begin):.2f} ms |")
        print(f"| an idle rank meanwhile | {idle:.1f} % of a core |")


if __name__ == "__main__":
    main()
