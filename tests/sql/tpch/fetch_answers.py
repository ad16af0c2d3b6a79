#!/usr/bin/env python3
"""Prints the published answer of a TPC-H query as CSV, from the PyPI packages duckdb and duckdb-extension-tpch.

usage: fetch_answers.py QUERY SCALE      QUERY 1..22, SCALE 0.01, 0.1 or 1; first line: column names
       fetch_answers.py --all SCALE DIR  writes DIR/q01.csv … q22.csv

Run it with the Python of the project's environment. The answers are those of the specification's validation
parameters; numbers are printed with the digits the answer set has, so compare them with a tolerance.
"""
import csv
import io
import pathlib
import sys


def connect():
    import duckdb
    import duckdb_extension_tpch

    root = pathlib.Path(duckdb_extension_tpch.__file__).parent
    wanted = root / "extensions" / f"v{duckdb.__version__}" / "tpch.duckdb_extension"
    found = [wanted] if wanted.exists() else sorted(root.glob("extensions/*/tpch.duckdb_extension"))
    if not found:
        sys.exit(f"{root}: no tpch.duckdb_extension in the package duckdb-extension-tpch")
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{found[-1]}'")
    return connection


def answer(connection, query, scale):
    row = connection.execute(
        "SELECT answer FROM tpch_answers() WHERE query_nr = ? AND scale_factor = ?", [query, scale]
    ).fetchone()
    if row is None:
        sys.exit(f"no answer for query {query} at scale {scale}")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for line in row[0].rstrip("\n").split("\n"):
        writer.writerow(line.split("|"))
    return out.getvalue()


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--all":
        connection = connect()
        directory = pathlib.Path(arguments[2])
        directory.mkdir(parents=True, exist_ok=True)
        for query in range(1, 23):
            (directory / f"q{query:02d}.csv").write_text(answer(connection, query, float(arguments[1])))
    elif len(arguments) == 2:
        sys.stdout.write(answer(connect(), int(arguments[0]), float(arguments[1])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
