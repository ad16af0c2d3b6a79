"""Statements over HTTP while masters die: rest.py

A client of /rest has no connection: name, password, session and query id are good at every master. One cluster of three
masters: sessions, variables, answers, errors, lists and cancels; then the master that serves a running statement is
killed, a backup first, then the active, and the client goes on at another. Asserts no time."""
import getpass
import pathlib
import sys

import psycopg2

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("support", "sql")]
from cluster import Cluster, wait_until  # noqa: E402
from rest_client import Rest  # noqa: E402

ROWS = 300_000
PAIRS = ROWS * 1000
# One row that is known, in a time that grows with its number.
LONG = "SELECT count(*) FROM t a CROSS JOIN few b CROSS JOIN generate_series(1, {times}) c (i) WHERE (a.i * b.i + c.i) % 7 >= 0"
LONG_MS = 3_000   # about: long enough to be met in the middle
ENDLESS = "SELECT sum(a.i % (b.i + 1)) FROM generate_series(1, 90000000) a (i) CROSS JOIN few b"
OWNER = getpass.getuser()
failures = []


def check(condition, text):
    print(f"{'ok    ' if condition else 'WRONG '} {text}", flush=True)
    if not condition:
        failures.append(text)


def same(got, want, text):
    check(got == want, text if got == want else f"{text}: {got!r} instead of {want!r}")


def sessions(rest, ports):
    """A session is opened at one master, used at another and ended at a third."""
    one = rest.open(0, userName="ann", databaseName="default")
    status, answer = rest.ask(1, "PUT", f"/rest/sessions/{one}/variables", {"variables": {"TimeZone": "Asia/Tokyo", "statement_timeout": 90_000}})
    same((status, answer["variables"]["timezone"], answer["variables"]["statement_timeout"]), (200, "Asia/Tokyo", "90000"), "variables are set at another master")
    status, answer = rest.statement(2, "SHOW timezone", one)
    same((status, answer["result"]["rows"], answer["query"]["id"]), (200, [["Asia/Tokyo"]], None), "and hold at a third")
    rest.statement(0, "CREATE DATABASE mine", one)
    rest.statement(1, "USE mine", one)
    same(rest.statement(2, "SELECT current_database(), tajo_session_id()", one)[0], 200, "so does the database")
    status, answer = rest.ask(0, "PUT", f"/rest/sessions/{one}/variables", {"variables": {"TimeZone": None}})
    same(answer["variables"]["timezone"], "UTC", "a variable is set back")
    same(rest.ask(0, "PUT", f"/rest/sessions/{one}/variables", {"variables": {"nonsense": 1}})[1]["resultCode"], "42704", "an unknown one is an error")
    beside = psycopg2.connect(host="127.0.0.1", port=ports[1], dbname="default", user="ann", password="wonder: land", connect_timeout=20,
                              options=f"-c tajo.session={one}")
    with beside.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        same((beside.info.parameter_status("tajo.session"), cursor.fetchone()[0]), (one, "90000"), "a libpq client takes the session up")
    other = Rest(rest.ports, "bob", "b")
    same(other.ask(1, "GET", f"/rest/sessions/{one}/variables")[0], 403, "another user may not look into it")
    same(other.statement(1, "SELECT 1", one)[0], 403, "nor use it")
    same(other.ask(1, "DELETE", f"/rest/sessions/{one}")[0], 403, "nor end it")
    same(rest.ask(2, "DELETE", f"/rest/sessions/{one}")[0], 200, "its user ends it")
    beside.close()
    same([rest.ask(m, "GET", f"/rest/sessions/{one}/variables")[0] for m in range(3)], [404] * 3, "and it is gone everywhere")
    same(rest.statement(1, "SELECT 1", one)[0], 404, "for statements, too")
    wrong = Rest(rest.ports, "ann", "b")
    same(wrong.ask(1, "POST", "/rest/sessions", {})[0], 401, "a wrong password opens none")


def statements(rest, _):
    """Answers, rows by query id at every master, errors, what cannot be done without a connection."""
    status, answer = rest.statement(0, "SELECT i, 'row ' || i AS t FROM few WHERE i <= 2 ORDER BY i")
    same((status, answer["query"]["state"], answer["query"]["tag"]), (200, "QUERY_SUCCEEDED", "SELECT 2"), "a query is answered")
    query = answer["query"]["id"]
    for master in range(3):
        status, answer = rest.ask(master, "GET", f"/rest/queries/{query}")
        same((status, answer["query"]["state"], answer["query"]["rows"], answer["query"]["userName"]), (200, "QUERY_SUCCEEDED", 2, "ann"), f"its state at master {master}")
        same(rest.ask(master, "GET", f"/rest/queries/{query}/result")[1]["rows"], [[1, "row 1"], [2, "row 2"]], "and its rows")
    status, answer = rest.statement(1, "SELECT 40 + 2 AS n")
    same(rest.ask(2, "GET", f"/rest/queries/{answer['query']['id']}/result")[1]["rows"], [[42]], "rows of a statement without tables, at once at another master")
    status, answer = rest.statement(0, "SELECT nothing FROM few")
    same((status, answer["resultCode"], answer["position"]), (400, "42703", 8), "an error has its SQLSTATE and place")
    for sql, state in (("SELEKT 1", "42601"), ("SELECT 1; SELECT 2", "42601"), ("", "42601"), ("BEGIN", "0A000"), ("COPY few FROM STDIN", "0A000"),
                       ("SET tajo.request_id = 'x'", "0A000"), ("SELECT 1 / 0", "22012"), ("DROP USER nobody_here", "42704")):
        status, answer = rest.statement(1, sql)
        same((sql, status, answer["resultCode"]), (sql, 400, state), f"{sql or 'nothing'} is refused")
    same(rest.statement(0, "EXPLAIN SELECT count(*) FROM few")[1]["result"]["columns"][0]["name"], "QUERY PLAN", "EXPLAIN shows its plan")
    same(rest.statement(0, f"SELECT * FROM query_result('{query}')")[1]["result"]["rows"], [[1, "row 1"], [2, "row 2"]], "query_result() too")
    same(rest.statement(0, "SELECT count(*) FROM mine.nothing")[0], 400, "a missing table is the client's error")
    same(rest.ask(0, "GET", f"/rest/queries/{query}/nothing")[0], 404, "an unknown path is none")
    status, answer = rest.ask(2, "GET", "/rest/queries?state=failed&limit=3")
    same((status, len(answer["queries"]), {q["state"] for q in answer["queries"]}), (200, 3, {"QUERY_FAILED"}), "those that failed are listed")
    other = Rest(rest.ports, "bob", "b")
    same((other.ask(1, "GET", f"/rest/queries/{query}")[0], other.ask(1, "GET", f"/rest/queries/{query}/result")[0]), (403, 403), "another user sees neither state nor rows")
    same(other.ask(1, "GET", "/rest/queries")[1]["queries"], [], "and lists none")


def cancels(rest, _):
    """A statement that would never end is seen and ended at other masters."""
    status, answer = rest.statement(0, ENDLESS)
    same((status, answer["query"]["state"]), (202, "QUERY_RUNNING"), "a long one is told to run")
    query = answer["query"]["id"]
    status, answer = rest.ask(1, "GET", "/rest/queries?state=RUNNING")
    same([q["id"] for q in answer["queries"]], [query], "another master lists it")
    same([q["id"] for q in Rest(rest.ports, OWNER, "o").ask(2, "GET", "/rest/queries?state=RUNNING")[1]["queries"]], [query], "the cluster's owner sees it, too")
    same(rest.ask(1, "GET", f"/rest/queries/{query}/result")[0], 409, "it has no result yet")
    same(Rest(rest.ports, "bob", "b").ask(1, "DELETE", f"/rest/queries/{query}")[0], 403, "another user cannot cancel it")
    same(rest.ask(2, "DELETE", f"/rest/queries/{query}")[0], 200, "its own can, anywhere")
    status, ended = rest.ended(1, query)
    same((status, ended["state"], ended["sqlstate"]), (200, "QUERY_KILLED", "57014"), "and it ends")
    same(rest.ask(0, "DELETE", f"/rest/queries/{query}")[1]["query"]["state"], "QUERY_KILLED", "to cancel it again does nothing")
    same(rest.ask(0, "DELETE", "/rest/queries/q_1700000000000_0001")[0], 404, "an unknown one is none")


def times_for(rest, wanted_ms):
    """So often this machine does the long statement's work in that time."""
    status, answer = rest.statement(0, LONG.format(times=1))
    _, query = rest.ended(0, answer["query"]["id"])
    return min(1_000, max(2, 1 + wanted_ms // max(1, query["elapsedMs"])))


def serving_master_dies(cluster, rest, times, pid, serving, other, word):
    """Its client goes on at another master with the same password, session and query id."""
    session = rest.open(serving)
    rest.ask(serving, "PUT", f"/rest/sessions/{session}/variables", {"variables": {"application_name": word}})
    status, answer = rest.statement(serving, LONG.format(times=times), session)
    same((status, answer["query"]["state"]), (202, "QUERY_RUNNING"), f"{word}: a statement runs")
    query = answer["query"]["id"]
    status, inserted = rest.statement(serving, f"INSERT INTO target SELECT i FROM few WHERE i <= 3 -- {word}", session, request=word)
    same((status, inserted["query"]["tag"]), (200, "INSERT 0 3"), "beside it an INSERT with a name")
    second = {"query": f"INSERT INTO target SELECT count(*) FROM t a CROSS JOIN few b WHERE (a.i * b.i) % 7 >= 0 -- {word}"}
    status, answer = rest.ask(serving, "POST", "/rest/queries", second, session, word + "2")
    check(status in (200, 202), f"and a second, which may run on: {status} {answer['query']['state']}")
    cluster.kill(pid)
    status, ended = rest.again(other, "GET", f"/rest/queries/{query}")
    same((status, ended["query"]["id"], ended["query"]["state"]), (200, query, "QUERY_RUNNING"), f"the {word} is dead: another master has the query running")
    status, variables = rest.again(other, "GET", f"/rest/sessions/{session}/variables")
    same((status, variables["variables"]["application_name"]), (200, word), "the session with its variables")
    status, again = rest.again(other, "POST", "/rest/queries", {"query": f"INSERT INTO target SELECT i FROM few WHERE i <= 3 -- {word}"}, session=session, request=word)
    same((status, again["query"]["tag"], again["query"]["id"]), (200, "INSERT 0 3", inserted["query"]["id"]), "the INSERT sent again under its name is the same one")
    check(wait_until(lambda: rest.again(other, "POST", "/rest/queries", second, request=word + "2")[1]["query"]["state"] == "QUERY_SUCCEEDED", 60), "so is the second")
    status, answer = rest.again(other, "POST", "/rest/queries", {"query": "INSERT INTO target VALUES (1)"}, request=word)
    same((status, answer["resultCode"]), (400, "22023"), "another statement under its name is refused")
    status, ended = rest.ended(other, query)
    same((status, ended["state"], ended["rows"]), (200, "QUERY_SUCCEEDED", 1), "the query succeeds")
    status, result = rest.again(other, "GET", f"/rest/queries/{query}/result")
    same((status, result.get("rows")), (200, [[PAIRS * times]]), "and its rows are there")
    status, answer = rest.again(other, "POST", "/rest/queries", {"query": "SELECT count(*) FROM target"}, session=session)
    status, result = rest.again(other, "GET", answer["resultUri"])
    return result["rows"][0][0]


def main():
    with Cluster(masters=3, workers=2) as cluster:
        for user, password in (("ann", "wonder: land"), ("bob", "b")):
            cluster.query(f"CREATE USER {user} PASSWORD '{password}'")
        cluster.query(f"ALTER USER \"{OWNER}\" PASSWORD 'o'")
        cluster.query(f"CREATE TABLE t AS SELECT i FROM generate_series(1, {ROWS}) AS g (i)")
        cluster.query("CREATE TABLE few AS SELECT i FROM generate_series(1, 1000) AS g (i)")
        cluster.query("CREATE TABLE target (i int8)")
        rest = Rest(cluster.web_ports, "ann", "wonder: land")
        for part in (sessions, statements, cancels):
            print(f"--- {part.__name__}: {part.__doc__}", flush=True)
            part(rest, cluster.ports)
        _, active_pid, active = cluster.active()
        backup, third = (active + 1) % 3, (active + 2) % 3
        pids = {cluster.ports.index(port): pid for _, pid, _, port in cluster.members(active) if port in cluster.ports}
        times = times_for(rest, LONG_MS)
        print(f"--- masters: {serving_master_dies.__doc__}", flush=True)
        same(serving_master_dies(cluster, rest, times, pids[backup], backup, third, "backup"), 4, "each INSERT counts once")
        same(serving_master_dies(cluster, rest, times, active_pid, active, third, "active"), 8, "each INSERT counts once")
    print(f"{len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
