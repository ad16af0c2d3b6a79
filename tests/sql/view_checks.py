"""Checks of run_clients.py about what the cluster shows of itself: tsql in a terminal, the web page, information_schema."""
import http.client
import json
import os
import pathlib
import threading
import time
import urllib.parse

import psycopg2

from client_place import equal, fails
from cluster import ROOT, wait_until
from terminal import Terminal

ENDLESS = "SELECT sum(a.i % (b.i + 1)) FROM generate_series(1, 90000000) a (i) CROSS JOIN t b"   # until it is cancelled


def tsql(place):
    cluster = place.cluster
    program = pathlib.Path(cluster.environment.get("TAJO_BIN", os.environ.get("TAJO_BIN", ROOT / "build/release/bin"))) / "tsql"
    return Terminal([str(program), "-p", str(cluster.ports[0]), place.database],
                    {**cluster.environment, "HOME": str(place.directory)})


def check_tsql_terminal(place):
    """\\?, \\l, \\d, \\d TABLE against a real cluster, answers, and a progress bar until Ctrl-C ends the query."""
    place.rows("CREATE TABLE t AS SELECT i, i / 2.0 AS half FROM generate_series(1, 20000) AS g (i)")
    place.rows("CREATE TABLE words (w text, d date)")
    prompt = place.database + "> "
    with tsql(place) as shell:
        shell.until(prompt)

        def ask(line):
            shell.type(line + "\n")
            return shell.until("\n" + prompt)

        helped = ask("\\?")
        for text in ("\\d [TABLE]", "\\admin [OPTIONS]", "\\timing [on|off]", "list databases"):
            equal((text, text in helped), (text, True))
        databases = ask("\\l").split("\n")
        equal([name in databases for name in ("default", place.database)], [True, True])
        equal(ask("\\d").split("\n")[1:], ["t", "words"])
        described = ask("\\d t")
        for text in (f"table name: {place.database}.t", "store type: hdf5", "number of rows: 20000", "i\tINT4", "half\tDECIMAL"):
            equal((text, text.lower() in described.lower()), (text, True))
        equal("w\ttext\nd\tdate" in ask("\\d words").lower(), True)
        equal("Did not find any relation named \"nothing\"" in ask("\\d nothing"), True)
        equal("(1 rows, " in ask("SELECT count(*) FROM t;"), True)
        shell.type(ENDLESS + ";\n")
        first = shell.until("%  ")
        equal(("[" in first, "]" in first), (True, True))
        shell.until(" sec")
        shell.until("%  ")   # drawn again
        shell.type("\x03")
        shell.until("KILL: q_", 60)
        shell.until(prompt)
        equal("(1 rows, " in ask("SELECT count(*) FROM t;"), True)
        shell.type("\\q\n")
        equal(shell.status(), 0)


class Page:
    """The web page of one master, logged in."""

    def __init__(self, cluster, master, user, password):
        self.connection = http.client.HTTPConnection("127.0.0.1", cluster.web_ports[master], timeout=20)
        self.headers = {}
        form = urllib.parse.urlencode({"user": user, "password": password})
        status, _, cookie = self.ask("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
        equal(status, 303)
        self.headers = {"Cookie": cookie.split(";")[0]}

    def ask(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, {**self.headers, **(headers or {})})
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("Set-Cookie")

    def status(self):
        status, body, _ = self.ask("GET", "/api/status")
        equal(status, 200)
        return json.loads(body)

    def query(self, tag):
        """The query with this text in it, or None."""
        return next((q for q in self.status()["queries"] if tag in q["sql"]), None)


def check_web_page(place):
    """Each master's page: who is active, the workers' resources, a query while it runs and when it is done."""
    cluster = place.cluster
    place.rows("CREATE TABLE t AS SELECT i FROM generate_series(1, 20000) AS g (i)")
    place.rows("CREATE USER watcher PASSWORD 'sees all'")
    _, active_pid, active = cluster.active()
    pages = [Page(cluster, master, "watcher", "sees all") for master in range(cluster.masters)]
    for page in pages:
        status, body, _ = page.ask("GET", "/")
        equal((status, "watcher" in body), (200, True))
        members = page.status()["members"]
        equal(len(members), cluster.masters + cluster.workers)
        equal([(m["pid"], m["port"], m["http_port"]) for m in members if m["role"] == "active"],
              [(active_pid, cluster.ports[active], cluster.web_ports[active])])
        equal(sorted(m["role"] for m in members if m["role"] != "active"),
              ["backup"] * (cluster.masters - 1) + ["worker"] * cluster.workers)
        for worker in (m for m in members if m["role"] == "worker"):
            equal((worker["cores"] > 0, worker["memory_mb"] > 0, worker["status"]), (True, True, "RUNNING"))

    connection = place.connect()
    ends = []

    def ask():
        try:
            connection.cursor().execute(ENDLESS + " -- shown while it runs")
            ends.append("answered")
        except psycopg2.Error as e:
            ends.append(e.pgcode)

    def seen(page, tag, state):
        if not wait_until(lambda: (page.query(tag) or {}).get("state") == state):
            raise AssertionError(f"not seen {state}: {page.query(tag)}")
        return page.query(tag)

    client = threading.Thread(target=ask)
    client.start()
    try:
        for page in pages:
            query = seen(page, "shown while it runs", "QUERY_RUNNING")
            equal((query["user"], query["database"], 0 <= query["progress"] < 1), (cluster.user, place.database, True))
    finally:
        while client.is_alive():   # a cancel that comes before the statement does nothing
            connection.cancel()
            client.join(0.2)
    equal(ends, ["57014"])
    place.rows("SELECT sum(i) FROM t -- shown when it is done")
    for page in pages:
        equal(seen(page, "shown while it runs", "QUERY_KILLED")["error"] != "", True)
        query = seen(page, "shown when it is done", "QUERY_SUCCEEDED")
        equal((query["progress"], query["rows"], query["error"]), (1.0, 1, ""))
    place.rows("DROP USER watcher")


def check_query_history(place):
    """information_schema.queries: bytes, rows and epoch of one that was answered, sqlstate and error of one that failed."""
    place.rows("CREATE TABLE t AS SELECT i, 'text ' || i AS s FROM generate_series(1, 1000) AS g (i)")
    equal(len(place.rows("SELECT i, s FROM t -- answered")), 1000)
    with fails("22012"):
        place.rows("SELECT sum(i / (i - i)) FROM t -- failed")
    columns = "state, rows, bytes, epoch, sqlstate, error, progress, finished >= started"
    where = f"WHERE database = '{place.database}' AND sql LIKE 'SELECT%-- "
    # the rows leave as soon as the result is safe; the query's end is written beside that
    if not wait_until(lambda: place.one(f"SELECT count(*) FROM information_schema.queries {where}%' AND finished IS NULL") == 0):
        raise AssertionError("a query that was answered still runs")
    ((state, rows, size, epoch, *rest),) = place.rows(f"SELECT {columns} FROM information_schema.queries {where}answered'")
    equal((state, rows, rest), ("QUERY_SUCCEEDED", 1000, [None, None, 1.0, True]))
    equal(epoch, place.one("SELECT epoch FROM information_schema.cluster WHERE role = 'active'"))
    if not 1000 * 5 <= size <= 1000 * 100:   # texts of six bytes and more, numbers beside them
        raise AssertionError(f"bytes of the result: {size}")
    ((state, _, _, failed_epoch, sqlstate, error, *_),) = place.rows(f"SELECT {columns} FROM information_schema.queries {where}failed'")
    equal((state, failed_epoch, sqlstate, error), ("QUERY_FAILED", epoch, "22012", "division by zero"))


def check_cluster_view(place):
    """information_schema.cluster: resources of workers; what their disks have comes with a later heartbeat than the first."""
    wanted = [(True, True, True, "RUNNING")] * place.cluster.workers
    for _ in range(100):
        workers = place.rows("SELECT total_cpu > 0, total_mem > 0, used_disk BETWEEN 0 AND total_disk, status FROM information_schema.cluster WHERE role = 'worker'")
        if workers == wanted:
            break
        time.sleep(0.1)
    equal(workers, wanted)
