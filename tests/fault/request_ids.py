"""Statements with a name (SET tajo.request_id) and results that were recorded: request_ids.py [--case NAME]

A retry from another connection, before, during and after the commit and across a takeover, counts once, for INSERT,
CREATE TABLE AS and COPY. A result outlives the active that made it, small ones by a copy at a backup, large ones in
staging, and is fetched again by request id and by query id. Asserts no time."""
import argparse
import http.client
import io
import json
import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster, wait_until  # noqa: E402

PATIENCE_S = 30
ROWS = 300_000
failures = []


def check(condition, text):
    print(f"{'ok    ' if condition else 'WRONG '} {text}", flush=True)
    if not condition:
        failures.append(text)


def run(cursor, sql, request=None):
    """The statement's rows, tag or SQLSTATE."""
    try:
        if request:
            cursor.execute(f"SET tajo.request_id = '{request}'")
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else cursor.statusmessage
    except Exception as e:  # noqa: BLE001: an error is an outcome
        return getattr(e, "pgcode", None) or str(e).strip()


def copy(cursor, table, text, request):
    try:
        cursor.execute(f"SET tajo.request_id = '{request}'")
        cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(text))
        return f"COPY {cursor.rowcount}"
    except Exception as e:  # noqa: BLE001
        return getattr(e, "pgcode", None) or str(e).strip()


def one(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchone()[0]


def filled(cluster):
    """Connections to the active and to a backup; a table with rows in files and an empty one."""
    _, pid, active = cluster.active()
    backup = (active + 1) % cluster.masters
    here, there = cluster.connect(active), cluster.connect(backup)
    cursor = here.cursor()
    cursor.execute(f"CREATE TABLE t AS SELECT i AS k, i % 7 AS v FROM generate_series(1, {ROWS}) AS g(i)")
    cursor.execute("CREATE TABLE target (k int8, v int8)")
    return pid, here.cursor(), there.cursor(), backup


def query_of(cursor, request):
    cursor.execute("SELECT query_id, attempts FROM information_schema.queries WHERE request_id LIKE %s", (f"%:{request}",))
    return cursor.fetchall()


def over_http(cluster, master, query):
    """The recorded result as the web server of a master gives it."""
    altered = run(cluster.connect(master).cursor(), f"ALTER USER \"{cluster.user}\" PASSWORD 'wonder'")
    connection = http.client.HTTPConnection("127.0.0.1", cluster.web_ports[master], timeout=20)
    connection.request("POST", "/login", f"user={cluster.user}&password=wonder", {"Content-Type": "application/x-www-form-urlencoded"})
    cookie = connection.getresponse()
    problem = f"{altered}, {cookie.status} {cookie.read()[-300:]!r}"
    connection.request("GET", f"/rest/queries/{query}/result", headers={"Cookie": cookie.getheader("Set-Cookie", "").split(";")[0]})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return json.loads(body) if answer.status == 200 else f"{problem}, {answer.status} {body!r}"


def retries_case():
    """The same request from another connection: after the end, while it runs, with another text."""
    with Cluster(masters=2, workers=2) as cluster:
        _, here, there, _ = filled(cluster)
        tag = run(here, "INSERT INTO target SELECT k, v FROM t WHERE k <= 10", "i1")
        check(tag == "INSERT 0 10" and run(there, "INSERT INTO target SELECT k, v FROM t WHERE k <= 10", "i1") == tag, f"INSERT again: {tag}")
        check(run(there, "INSERT INTO target VALUES (1, 1)", "i1") == "22023", "the same name for another statement is refused")
        check(one(here, "SELECT count(*) FROM target") == 10, "its rows are there once")
        tag = run(here, "CREATE TABLE c AS SELECT * FROM target", "c1")
        check(tag == "SELECT 10" and run(there, "CREATE TABLE c AS SELECT * FROM target", "c1") == tag, f"CREATE TABLE AS again: {tag}")
        tag = copy(here, "target", "100\t1\n101\t2\n", "p1")
        check(tag == "COPY 2" and copy(there, "target", "100\t1\n101\t2\n", "p1") == tag, f"COPY again: {tag}")
        check(one(here, "SELECT count(*) FROM target WHERE k >= 100") == 2, "its rows are there once")

        outcomes = []
        big = "INSERT INTO target SELECT a.k, a.v FROM t AS a JOIN t AS b ON a.k = b.k JOIN t AS c ON b.k = c.k"
        threads = [threading.Thread(target=lambda c=c: outcomes.append(run(c, big, "i2"))) for c in (here, there)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        check(outcomes == [f"INSERT 0 {ROWS}"] * 2, f"INSERT from two connections at once: {outcomes}")
        check(one(here, "SELECT count(*) FROM target") == 12 + ROWS, "its rows are there once")

        check(run(here, "INSERT INTO missing VALUES (1)", "f1") == "42P01", "an INSERT fails by its own fault")
        run(here, "CREATE TABLE missing (a int4)")
        check(run(there, "INSERT INTO missing VALUES (1)", "f1") == "42P01", "asked again, the recorded error")
        check(run(there, "INSERT INTO missing VALUES (1)", "f2") == "INSERT 0 1", "as a new request, it is done")


def takeover_case():
    """The active is killed while statements run; their clients ask again elsewhere with the same name."""
    statements = (("INSERT INTO target SELECT a.k, a.v FROM t AS a JOIN t AS b ON a.k = b.k", "i", f"INSERT 0 {ROWS}", "target"),
                  ("CREATE TABLE c AS SELECT a.k, a.v FROM t AS a JOIN t AS b ON a.k = b.k", "c", f"SELECT {ROWS}", "c"))
    for sql, name, tag, table in statements:
        with Cluster(masters=3, workers=2) as cluster:
            pid, here, there, backup = filled(cluster)
            lost = threading.Thread(target=lambda: run(here, sql, name))
            lost.start()
            wait_until(lambda: len(query_of(there, name)) > 0, PATIENCE_S)
            cluster.kill(pid)
            lost.join()
            check(run(there, sql, name) == tag, f"{tag} when it is asked for again after a kill in the middle")
            check(run(cluster.connect((backup + 1) % 3).cursor(), sql, name) == tag, "and again at another master")
            check(one(there, f"SELECT count(*) FROM {table}") == ROWS, "its rows are there once")
            check(len(query_of(there, name)) == 1, f"one query in the history: {query_of(there, name)}")

    with Cluster(masters=3, workers=2) as cluster:
        pid, here, there, backup = filled(cluster)
        text = "".join(f"{i}\t1\n" for i in range(2_000_000))
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(copy(there, "target", text, "p")))
        thread.start()
        wait_until(lambda: one(here, "SELECT count(*) FROM information_schema.queries WHERE sql LIKE 'COPY%'") > 0 or not thread.is_alive(), PATIENCE_S, 0.01)
        cluster.kill(pid)
        thread.join()
        check(outcome == ["COPY 2000000"], f"a COPY whose client talks to a backup goes on while the active is killed: {outcome}")
        check(one(there, "SELECT count(*) FROM target") == 2_000_000, "its rows are there once")
        check(copy(cluster.connect((backup + 1) % 3).cursor(), "target", text, "p") == "COPY 2000000", "asked again: the recorded tag")
        check(one(there, "SELECT count(*) FROM target") == 2_000_000, "and no row more")


def results_case():
    """Results after the active that made them: under the same name, by query id, larger than goes inline."""
    small = "SELECT k, random() FROM t WHERE k <= 5 ORDER BY k"
    large = "SELECT k, v, random(), random() FROM t"
    with Cluster(masters=3, workers=2, settings={"tajo.worker.resource.memory-mb": "512"}) as cluster:
        pid, here, there, backup = filled(cluster)
        first, big = run(here, small, "s1"), run(here, large, "l1")
        check(len(first) == 5 and len(big) == ROWS, "a small and a large result of the active")
        check(len(list((cluster.root / "staging").glob("q_*/RESULT"))) == 1, "the large one is staged")
        elsewhere = run(there, small, "s2")
        run(here, "SELECT 4711")
        run(there, "SELECT 4712")
        cluster.kill(pid)
        check(run(there, small, "s1") == first, "the small one is the same when asked for again")
        check(sorted(run(there, large, "l1")) == sorted(big), "so is the large one")
        check(run(there, small, "s2") == elsewhere, "so is one a backup had asked for")
        check(run(there, small, "s3") != first, "as a new request it is another")
        third = cluster.connect((backup + 1) % 3).cursor()
        ids = {name: query_of(there, name) for name in ("s1", "l1", "s2")}
        check(all(len(found) == 1 for found in ids.values()), f"each ran once: {ids}")
        for cursor in (there, third):
            check(run(cursor, f"SELECT * FROM query_result('{ids['s1'][0][0]}')") == first, "the small one by its query id")
            check(sorted(run(cursor, f"SELECT * FROM query_result('{ids['l1'][0][0]}')")) == sorted(big), "the large one by its query id")
        check([c.name for c in there.description] == ["k", "random"] if run(there, f"SELECT * FROM query_result('{ids['s1'][0][0]}')") else False, "with its columns")
        answer = over_http(cluster, backup, ids["s1"][0][0])
        check(isinstance(answer, dict) and [tuple(row) for row in answer["rows"]] == first, f"over HTTP: {answer}")
        check(run(there, "SELECT * FROM query_result('q_1_1')") == "42704", "an unknown query id is an error")
        for n in (4711, 4712):
            check(wait_until(lambda n=n: run(there, f"SELECT state FROM information_schema.queries WHERE sql = 'SELECT {n}'") == [("QUERY_SUCCEEDED",)], PATIENCE_S),
                  f"SELECT {n}, answered right before the kill, is in the history")


def ended_case():
    """The active dies when a query has ended and nobody but its QueryMaster has the result."""
    trigger = pathlib.Path(f"/tmp/tajo-ended-{os.getpid()}-{time.time_ns()}")
    with Cluster(masters=3, workers=2, environment={"TAJO_FAILPOINT": f"query_ended:1:{trigger}"}) as cluster:
        _, here, there, _ = filled(cluster)
        trigger.touch()
        rows = run(there, "SELECT count(*), sum(k) FROM t", "e1")
        check(not trigger.exists(), "the failpoint was passed")
        check(rows == [(ROWS, ROWS * (ROWS + 1) // 2)], f"the client of a backup gets its result: {rows}")
        found = []
        check(wait_until(lambda: found.append(query_of(there, "e1")) or found[-1] and found[-1][0][1] == 1, PATIENCE_S), f"without running it again: {found[-1]}")


def retention_case():
    """A result that is kept no longer is a clear error."""
    with Cluster(masters=1, workers=1, settings={"tajo.query.result.retention-min": "0"}) as cluster:
        _, here, _, _ = filled(cluster)
        run(here, "SELECT count(*) FROM t", "r1")
        time.sleep(0.3)
        query = query_of(here, "r1")[0][0]
        check(run(here, f"SELECT * FROM query_result('{query}')") == "55000", "an expired result is an error")
        query = query_of(here, "none") or one(here, "SELECT max(query_id) FROM information_schema.queries WHERE tag LIKE 'SELECT %' AND sql LIKE 'CREATE%'")
        check(run(here, f"SELECT * FROM query_result('{query}')") == "42809", "a statement without rows is another")


CASES = {"retries": retries_case, "takeover": takeover_case, "results": results_case, "ended": ended_case, "retention": retention_case}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=sorted(CASES))
    arguments = parser.parse_args()
    for name, case in CASES.items():
        if arguments.case in (None, name):
            print(f"--- {name}: {case.__doc__}", flush=True)
            case()
    print(f"{len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
