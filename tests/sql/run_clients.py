"""What clients do, against a real cluster: psql, COPY, files (file_checks.py), what the cluster shows (view_checks.py), SCRAM over TCP, cancel, results too large for memory.
run_clients.py [--workers N] [--masters N] [--set NAME=VALUE] [CHECK…]: each check has a database of its own."""
import argparse
import ctypes
import json
import pathlib
import sys
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import psycopg2  # noqa: E402

import file_checks  # noqa: E402
import view_checks  # noqa: E402
from client_place import Place, equal, fails  # noqa: E402
from cluster import Cluster  # noqa: E402


def check_psql_tables(place):
    """-c gives psql's table; several statements in one -c; a script on standard input."""
    equal(place.psql("-c", "SELECT 1 AS one, NULL AS nothing, 'x' AS t").stdout,
          " one | nothing | t \n-----+---------+---\n   1 |         | x\n(1 row)\n\n")
    done = place.psql("-c", "CREATE TABLE t (a int4); INSERT INTO t VALUES (1), (2); SELECT sum(a) FROM t")
    equal(done.stderr, "")
    equal(done.stdout, "CREATE TABLE\nINSERT 0 2\n sum \n-----\n   3\n(1 row)\n\n")
    done = place.psql("-At", stdin="SELECT a FROM t ORDER BY a;\n\\echo between\nSELECT count(*) FROM t;\n")
    equal((done.stdout, done.stderr), ("1\n2\nbetween\n2\n", ""))
    equal(place.psql("-At", "-c", "SELECT current_database()").stdout, place.database + "\n")


def check_psql_errors(place):
    """Errors show the line and a caret; what follows in the same -c is not run, in a script it is."""
    done = place.psql("-c", "SELECT 1,\n  missing\nFROM generate_series(1, 2)")
    equal(done.returncode, 1)
    equal(done.stderr, 'ERROR:  column "missing" does not exist\nLINE 2:   missing\n          ^\n')
    done = place.psql("-c", "SELEKT 1")
    equal(done.stderr, 'ERROR:  syntax error at or near "SELEKT"\nLINE 1: SELEKT 1\n        ^\n')
    done = place.psql("-At", "-c", "CREATE TABLE e (a int4); SELECT 1 / 0; INSERT INTO e VALUES (1)")
    equal(done.stderr, "ERROR:  division by zero\n")
    done = place.psql("-At", stdin="SELECT nothing;\nSELECT 'on';\n")
    equal((done.stdout, done.stderr.splitlines()[0]), ("on\n", 'ERROR:  column "nothing" does not exist'))
    equal(place.psql("-At", "-v", "ON_ERROR_STOP=1", stdin="SELECT nothing;\nSELECT 'on';\n").stdout, "")
    done = place.psql("-v", "VERBOSITY=verbose", "-c", "SELECT * FROM nowhere")
    equal(done.stderr.splitlines()[0], 'ERROR:  42P01: relation "nowhere" does not exist')


def check_psql_copy(place):
    """\\copy of a file, and COPY with its rows in the script."""
    place.rows("CREATE TABLE t (a int4, b text)")
    path = place.file("rows.csv", "a,b\n1,one\n2,\n")
    done = place.psql("-c", f"\\copy t FROM '{path}' WITH (FORMAT csv, HEADER)")
    equal((done.stdout, done.stderr), ("COPY 2\n", ""))
    done = place.psql(stdin="COPY t FROM STDIN;\n3\tthree\n4\t\\N\n\\.\nSELECT count(*) FROM t;\n")
    equal(done.stderr, "")
    equal(place.rows("SELECT a, b FROM t ORDER BY a"), [(1, "one"), (2, None), (3, "three"), (4, None)])


def check_copy_text(place):
    """Text format: escapes, NULLs, a subset of the columns, another delimiter."""
    place.rows("CREATE TABLE t (a int4, b text, c numeric(10,2), d date)")
    equal(place.copy("COPY t FROM STDIN", "1\ta\\tb\\\\c\\nd\t1.50\t2020-02-29\n2\t\\N\t\\N\t\\N\n3\t\t-0.01\t1999-12-31\n"), 3)
    equal(place.copy("COPY t (d, a) FROM STDIN WITH (DELIMITER '|', NULL 'nil')", "nil|4\n2001-01-01|nil\n"), 2)
    equal(place.copy("COPY t FROM STDIN", ""), 0)
    equal(place.rows("SELECT a, b, c::text, d::text FROM t ORDER BY a"),
          [(1, "a\tb\\c\nd", "1.50", "2020-02-29"), (2, None, None, None), (3, "", "-0.01", "1999-12-31"),
           (4, None, None, None), (None, None, None, "2001-01-01")])


def check_copy_csv(place):
    """CSV: quotes, line ends inside quotes, empty against quoted empty, a header, columns by name."""
    place.rows("CREATE TABLE t (a int4, b text, c float8, d bool)")
    equal(place.copy("COPY t FROM STDIN WITH (FORMAT csv, HEADER true)",
                     'a,b,c,d\n1,"say ""hi"", you",1.5,t\n2,"two\nlines",NaN,false\n3,,,\n4,"",-1e10,true\n'), 4)
    equal(place.copy("COPY t (b, a) FROM STDIN (FORMAT csv, DELIMITER ';', QUOTE '''', NULL '-')", "'x;y';5\n-;6\n"), 2)
    equal(place.rows("SELECT a, b, c::text, d FROM t ORDER BY a"),
          [(1, 'say "hi", you', "1.5", True), (2, "two\nlines", "NaN", False), (3, None, None, None),
           (4, "", "-10000000000", True), (5, "x;y", None, None), (6, None, None, None)])


def check_copy_errors(place):
    """A bad row leaves nothing of its COPY, tells the line, and the connection goes on."""
    place.rows("CREATE TABLE t (a int4 NOT NULL, b text, c date)")
    place.copy("COPY t FROM STDIN", "0\tkept\t2020-01-01\n")
    good = "".join(f"{i}\tx\t2020-01-01\n" for i in range(1, 5001))
    for code, bad in [("22P02", "one\tx\t2020-01-01\n"), ("22P04", "1\tx\n"), ("22P04", "1\tx\t2020-01-01\tmore\n"),
                      ("22003", "99999999999\tx\t2020-01-01\n"), ("23502", "\\N\tx\t2020-01-01\n"), ("22008", "1\tx\t2020-02-30\n"),
                      ("22007", "1\tx\tsoon\n")]:
        with fails(code):
            place.copy("COPY t FROM STDIN", good + bad)
        equal(place.rows("SELECT a, b FROM t"), [(0, "kept")])
    with fails("22P02", "line 3", 'column "a"'):
        place.copy("COPY t FROM STDIN", "1\tx\t2020-01-01\n2\tx\t2020-01-01\nthree\tx\t2020-01-01\n")
    with fails("22P04"):
        place.copy("COPY t FROM STDIN WITH (FORMAT csv)", '1,"never closed,2020-01-01\n')
    equal(place.one("SELECT count(*) FROM t"), 1)


def check_copy_many(place):
    """100,000 rows in one COPY, then a second one beside them."""
    place.rows("CREATE TABLE t (a int8, b text, c numeric(12,2))")
    rows = "".join(f"{i}\tname {i % 1000}\t{i}.25\n" for i in range(100_000))
    equal(place.copy("COPY t FROM STDIN", rows), 100_000)
    equal(place.rows("SELECT count(*), sum(a), count(DISTINCT b), sum(c)::text FROM t"),
          [(100_000, 4999950000, 1000, "4999975000.00")])
    place.copy("COPY t FROM STDIN", rows)
    equal(place.one("SELECT count(*) FROM t WHERE b = 'name 7'"), 200)


def check_scram(place):
    """A user with a password logs in over TCP; a wrong password, an unknown user and the owner without one do not."""
    place.rows("CREATE USER clerk PASSWORD 'p@ss word'")

    def login(user, password):
        connection = psycopg2.connect(host="127.0.0.1", port=place.cluster.ports[0], dbname=place.database, user=user,
                                      password=password, connect_timeout=20)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_user")
                return cursor.fetchone()[0]
        finally:
            connection.close()

    equal(login("clerk", "p@ss word"), "clerk")
    for user, password in [("clerk", "wrong"), ("nobody_here", "x"), (place.cluster.user, "x")]:
        try:
            login(user, password)
        except psycopg2.OperationalError as e:
            if "password authentication failed" not in str(e):
                raise
        else:
            raise AssertionError(f"{user} logged in")
    place.rows("DROP USER clerk")
    try:
        login("clerk", "p@ss word")
    except psycopg2.OperationalError:
        return
    raise AssertionError("a dropped user logged in")


def check_cancel(place):
    """connection.cancel() ends a long query with 57014 soon; the session and the cluster go on."""
    place.rows("CREATE TABLE t AS SELECT i, i % 1000 AS k FROM generate_series(1, 200000) AS g (i)")
    for sql in ("SELECT count(*) FROM t a JOIN t b ON a.k <> b.k WHERE (a.i + b.i) % 7 = 3",
                "SELECT sum(a.i % (b.i + 1)) FROM generate_series(1, 1000000) a (i) CROSS JOIN generate_series(1, 1000000) b (i)"):
        timer = threading.Timer(1.0, place.connection.cancel)
        started = time.time()
        timer.start()
        with fails("57014", "cancel"):
            place.rows(sql)
        timer.join()
        if time.time() - started > 15:
            raise AssertionError(f"the cancel took {time.time() - started:.1f} s")
        equal(place.one("SELECT count(*) FROM t"), 200000)


def check_timeout(place):
    """statement_timeout ends a long query; without it the next one runs to its end."""
    place.rows("SET statement_timeout = '500ms'")
    with fails("57014", "statement timeout"):
        place.rows("SELECT sum(a.i % (b.i + 1)) FROM generate_series(1, 1000000) a (i) CROSS JOIN generate_series(1, 1000000) b (i)")
    place.rows("SET statement_timeout = 0")
    equal(place.one("SELECT 5"), 5)


def check_large_result(place):
    """Two million rows: more than goes inline, so a file in staging carries them."""
    with place.connection.cursor() as cursor:
        cursor.execute("SELECT i, 'row ' || i FROM generate_series(1, 2000000) AS g (i)")
        count = total = length = 0
        while rows := cursor.fetchmany(100_000):
            count += len(rows)
            total += sum(row[0] for row in rows)
            length += sum(len(row[1]) for row in rows)
    equal((count, total), (2_000_000, 2_000_000 * 2_000_001 // 2))
    equal(length, sum(4 + len(str(i)) for i in range(1, 2_000_001)))
    place.rows("CREATE TABLE t AS SELECT i FROM generate_series(1, 2000000) AS g (i)")
    with place.connection.cursor() as cursor:
        cursor.execute("SELECT i FROM t ORDER BY i DESC")
        first, *_, last = cursor.fetchall()
        equal((cursor.rowcount, first, last), (2_000_000, (2_000_000,), (1,)))


def check_explain(place):
    """EXPLAIN ANALYZE shows what each operator did, as text and as JSON."""
    place.rows("CREATE TABLE t AS SELECT i AS a, i % 10 AS b FROM generate_series(1, 20000) AS g (i)")
    query = "SELECT b, count(*) FROM t WHERE a <= 5000 GROUP BY b ORDER BY b"
    lines = [row[0] for row in place.rows("EXPLAIN ANALYZE " + query)]
    scan = next(line for line in lines if "Scan t" in line)
    for text in ("(rows=", "actual rows=5000", "q-error=", "time=", " ms"):
        if text not in scan:
            raise AssertionError(f"{text!r} is missing in {scan!r}")
    for start in ("Stage 0: workers=", "Tasks: ", "Result: 10 rows", "Planning Time: ", "Execution Time: "):
        if not any(line.startswith(start) for line in lines):
            raise AssertionError(f"no line begins with {start!r}: {lines}")
    plain = [row[0] for row in place.rows("EXPLAIN " + query)]
    equal([any("actual" in line for line in plain), any(line.startswith("Planning Time") for line in plain)], [False, True])

    def nodes(node):
        yield node
        for child in node.get("Plans", []):
            yield from nodes(child)

    for options, measured in (("FORMAT JSON", False), ("ANALYZE, FORMAT JSON", True)):
        answer = place.one(f"EXPLAIN ({options}) " + query)
        (document,) = json.loads(answer) if isinstance(answer, str) else answer
        scan = next(node for node in nodes(document["Plan"]) if node["Node Type"].startswith("Scan"))
        equal(scan.get("Actual Rows"), 5000 if measured else None)
        equal(("Execution Time" in document, "Stages" in document, "Planning Time" in document), (measured, measured, True))
    place.rows("EXPLAIN ANALYZE SELECT 1")
    place.rows("EXPLAIN (ANALYZE, FORMAT JSON) SELECT sum(i) FROM generate_series(1, 10) AS g (i)")


def check_prepared(place):
    """The extended protocol, through libpq itself: parameters, a statement prepared once and run with several values."""
    place.rows("CREATE TABLE t AS SELECT i AS id, 'n' || i AS name FROM generate_series(1, 100) AS g (i)")
    libpq = ctypes.CDLL("libpq.so.5")
    for function in (libpq.PQconnectdb, libpq.PQexecParams, libpq.PQprepare, libpq.PQexecPrepared):
        function.restype = ctypes.c_void_p
    for function in (libpq.PQgetvalue, libpq.PQresultErrorField, libpq.PQerrorMessage):
        function.restype = ctypes.c_char_p
    connection = ctypes.c_void_p(libpq.PQconnectdb(
        f"host={place.cluster.environment['TAJO_PID_DIR']} port={place.cluster.ports[0]} dbname={place.database}".encode()))
    sqlstate = ord("C")

    def texts(*values):
        return len(values), (ctypes.c_char_p * len(values))(*[v if v is None else v.encode() for v in values])

    def answer(pointer):
        """The rows as text, or the SQLSTATE."""
        result = ctypes.c_void_p(pointer)
        try:
            state = libpq.PQresultErrorField(result, sqlstate)
            if state:
                return state.decode()
            return [tuple(None if libpq.PQgetisnull(result, r, c) else libpq.PQgetvalue(result, r, c).decode()
                          for c in range(libpq.PQnfields(result))) for r in range(libpq.PQntuples(result))]
        finally:
            libpq.PQclear(result)

    def once(sql, *values):
        count, array = texts(*values)
        return answer(libpq.PQexecParams(connection, sql.encode(), count, None, array, None, None, 0))

    def prepared(name, *values):
        count, array = texts(*values)
        return answer(libpq.PQexecPrepared(connection, name, count, array, None, None, 0))

    try:
        equal(libpq.PQstatus(connection), 0)
        equal(once("SELECT name FROM t WHERE id = $1", "7"), [("n7",)])
        equal(once("SELECT count(*) FROM t WHERE id BETWEEN $1 AND $2 AND name LIKE $3", "10", "29", "n1%"), [("10",)])
        equal(once("SELECT $1::text, $2::int4 + 1", None, "41"), [(None, "42")])
        equal(once("SELECT name FROM t WHERE id = $1", "seven"), "22P02")
        equal(once("SELECT missing FROM t WHERE id = $1", "7"), "42703")
        equal(answer(libpq.PQprepare(connection, b"one", b"SELECT id, name FROM t WHERE id = $1", 0, None)), [])
        equal(answer(libpq.PQprepare(connection, b"add", b"INSERT INTO t VALUES ($1, $2)", 0, None)), [])
        for i in (101, 102):
            equal(prepared(b"one", str(i)), [])
            equal(prepared(b"add", str(i), None if i == 102 else "new"), [])
        equal(prepared(b"one", "101"), [("101", "new")])
        equal(prepared(b"one", "102"), [("102", None)])
        equal(prepared(b"one", None), [])
        equal(prepared(b"nothing", "1"), "26000")
    finally:
        libpq.PQfinish(connection)


def check_many_connections(place):
    """Eight clients insert and read at once: every row is there once."""
    place.rows("CREATE TABLE t (client int4, i int4)")
    problems = []

    def client(number):
        try:
            connection = place.connect()
            with connection.cursor() as cursor:
                for i in range(10):
                    cursor.execute("INSERT INTO t VALUES (%s, %s)", (number, i))
                    cursor.execute("SELECT count(*) FROM t WHERE client = %s", (number,))
                    equal(cursor.fetchone()[0], i + 1)
            connection.close()
        except BaseException as e:
            problems.append(e)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    equal(place.rows("SELECT count(*), count(DISTINCT client), sum(i) FROM t"), [(80, 8, 360)])


def run(name, check, cluster, settings):
    """Whether it holds."""
    started = time.time()
    try:
        check(Place(cluster, name, settings))
    except Exception:
        print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
        return False
    print(f"ok   {name} ({time.time() - started:.1f} s)", flush=True)
    return True


def main():
    found = {**vars(file_checks), **vars(view_checks), **globals()}
    checks = {name[6:]: check for name, check in found.items() if name.startswith("check_")}
    parser = argparse.ArgumentParser()
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(checks))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--masters", type=int, default=1)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    settings = [s.split("=", 1) for s in arguments.set]
    good, beside = [], []
    with Cluster(masters=arguments.masters, workers=arguments.workers) as cluster:
        for name in arguments.checks or checks:
            check = checks[name]
            if getattr(check, "waits", False):  # hardly does anything else: beside the others, from here on
                beside.append(threading.Thread(target=lambda n=name, c=check: good.append(run(n, c, cluster, settings))))
                beside[-1].start()
            else:
                good.append(run(name, check, cluster, settings))
        for thread in beside:
            thread.join()
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
