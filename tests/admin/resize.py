"""`tajo admin -resize N` under clients that repeat what they do without a pause: psycopg2 with both masters in its connection
string, tsql, the web interface. They see at most a broken connection, never an error of a statement, and every statement
counts once. First with statements that end in the time to drain: none of them is run twice. Then with one that does not:
the next world runs it again under its query id. Asserts no time."""
import http.client
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

import psycopg2

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support")]
from cluster import Cluster, ROOT, wait_until  # noqa: E402

PATIENCE_S = 60
ROWS = 100_000
SUM = sum(i % 7 for i in range(1, ROWS + 1))
BIN = pathlib.Path(os.environ.get("TAJO_BIN", ROOT / "build/release/bin"))
failures = []


def check(condition, text):
    print(f"{'ok    ' if condition else 'WRONG '} {text}", flush=True)
    if not condition:
        failures.append(text)


class PgClient(threading.Thread):
    """libpq with several hosts; a statement whose connection breaks is asked again under its request id."""

    def __init__(self, cluster, name, statements):
        super().__init__()
        self.cluster, self.name, self.statements = cluster, name, statements   # statements(n): [(sql, expected rows or None)]
        self.connection, self.breaks, self.answers, self.problems = None, 0, 0, []
        self.ended = threading.Event()

    def connect(self):
        where = random.sample(self.cluster.ports, len(self.cluster.ports))
        directory = self.cluster.environment["TAJO_PID_DIR"]
        self.connection = psycopg2.connect(host=",".join([directory] * len(where)), port=",".join(map(str, where)),
                                           dbname="default", user=self.cluster.user, connect_timeout=20)
        self.connection.autocommit = True

    def ask(self, sql, request):
        give_up = time.time() + PATIENCE_S
        while True:
            try:
                if self.connection is None:
                    self.connect()
                with self.connection.cursor() as cursor:
                    cursor.execute(f"SET tajo.request_id = '{request}'")
                    cursor.execute(sql)
                    return cursor.fetchall() if cursor.description else None
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as e:
                if getattr(e, "pgcode", None) or time.time() > give_up:
                    raise
                self.breaks += self.connection is not None
                self.connection = None
                time.sleep(0.05)

    def run(self):
        n = 0
        while not self.ended.is_set():
            for i, (sql, expected) in enumerate(self.statements(n)):
                try:
                    rows = self.ask(sql, f"{self.name}-{n}-{i}")
                    if expected is not None and rows != expected:
                        self.problems.append(f"{sql}: {rows}")
                    self.answers += 1
                except psycopg2.Error as e:
                    self.problems.append(f"{sql}: {e.pgcode} {str(e).strip()}")
            n += 1

    def end(self):
        self.ended.set()
        self.join()


class Shell:
    """One tsql that is given an INSERT after the other and keeps its session."""

    def __init__(self, cluster):
        directory = cluster.environment["TAJO_PID_DIR"]
        self.process = subprocess.Popen([BIN / "tsql", "-h", ",".join([directory] * len(cluster.ports)), "-p", ",".join(map(str, cluster.ports))],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env=cluster.environment)
        self.given, self.text = 0, []
        self.ended = threading.Event()
        self.reader = threading.Thread(target=lambda: self.text.extend(self.process.stdout))
        self.writer = threading.Thread(target=self.write)
        self.say("SET tajo.optimizer.force_distributed = 'on';")
        self.reader.start()
        self.writer.start()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def write(self):
        while not self.ended.wait(0.1):
            self.say(f"INSERT INTO shell VALUES ({self.given});")
            self.given += 1

    def end(self):
        self.ended.set()
        self.writer.join()
        self.say("SHOW tajo.optimizer.force_distributed;")
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)
        self.reader.join()
        return "".join(self.text)


def web_result(cluster, query_id):
    """The recorded result as a script gets it: any master that answers, logged in there; asked again until one does."""
    give_up = time.time() + PATIENCE_S
    while True:
        for port in cluster.web_ports:
            try:
                connection = http.client.HTTPConnection("localhost", port, timeout=20)
                connection.request("POST", "/login", f"user={cluster.user}&password=wonder", {"Content-Type": "application/x-www-form-urlencoded"})
                cookie = connection.getresponse()
                cookie.read()
                connection.request("GET", f"/rest/queries/{query_id}/result", headers={"Cookie": cookie.getheader("Set-Cookie", "").split(";")[0]})
                answer = connection.getresponse()
                body = answer.read().decode()
                if answer.status == 200:
                    return body
            except (OSError, http.client.HTTPException):
                pass
        if time.time() > give_up:
            return "no answer"
        time.sleep(0.1)


def resize(cluster, workers):
    done = subprocess.run([BIN / "tajo", "--config", cluster.conf, "admin", "-resize", str(workers)], capture_output=True,
                          text=True, timeout=150, env=cluster.environment)
    if done.returncode != 0:
        cluster.show_logs()
    check(done.returncode == 0 and f"{workers} workers serve" in done.stdout, f"-resize {workers}: {(done.stdout + done.stderr).strip()}")


def supervisor_said(cluster, words):
    return any(words in log.read_text() for log in (cluster.root / "logs").glob("*supervisor*"))


def under_load(cluster):
    inserts = [PgClient(cluster, f"writer{i}", lambda n, i=i: [(f"INSERT INTO written VALUES ({i}, {n})", None)]) for i in range(2)]
    reads = PgClient(cluster, "reader", lambda n: [("SELECT count(*), sum(v) FROM facts", [(ROWS, SUM)]),
                                                   (f"CREATE TABLE made_{n} AS SELECT k FROM facts WHERE v = 3", None),
                                                   (f"DROP TABLE made_{n}", None)])
    clients = [*inserts, reads]
    shell = Shell(cluster)
    for client in clients:
        client.start()
    check(wait_until(lambda: all(client.answers > 5 for client in clients), PATIENCE_S), "clients are at work")
    cluster.query("SELECT 'a result of few bytes' AS said")
    small = cluster.query("SELECT query_id FROM information_schema.queries WHERE sql LIKE 'SELECT ''a result of few bytes%'")
    for workers in (3, 2):
        before = [client.answers for client in clients]
        resize(cluster, workers)
        check(wait_until(lambda: all(c.answers > b for c, b in zip(clients, before)), PATIENCE_S), "everybody is answered again")
        body = web_result(cluster, small[0][0])
        check("a result of few bytes" in body, f"results of the world before are there: {body[:150]}")
    for client in clients:
        client.end()
        check(not client.problems, f"{client.name}: {client.answers} answers, {client.breaks} broken connections, {client.problems[:3]}")
    said = shell.end()
    check("ERROR" not in said, f"tsql: {shell.given} inserts without an error: {[line for line in said.splitlines() if 'ERROR' in line][:3]}")
    check(re.search(r"^\W*on\W*$", said, re.M), "and its session is the same")
    check(cluster.query("SELECT count(*), count(DISTINCT n) FROM shell") == [(shell.given, shell.given)], "each of them is there once")
    counts = cluster.query("SELECT w, count(*), count(DISTINCT n) FROM written GROUP BY w ORDER BY w")
    check(counts == [(i, client.answers, client.answers) for i, client in enumerate(inserts)], f"so are the others': {counts}")
    check(supervisor_said(cluster, "drained: 1"), "what ran could end")
    again = cluster.query("SELECT sql, attempts FROM information_schema.queries WHERE attempts > 1")
    check(not again, f"nothing was run twice: {again}")


def longer_than_the_drain(cluster):
    # Seconds of pairs on any machine: 1.4 thousand million of them meet in the join.
    slow = "SELECT count(*) FROM facts a JOIN facts b ON a.v = b.v AND a.k % 3 <= b.k"
    client, began = PgClient(cluster, "patient", lambda n: []), time.time()
    expected = client.ask(slow, "slow-before")
    alone_s = time.time() - began
    answer = []
    asked = threading.Thread(target=lambda: answer.append(client.ask(slow, "slow-across")))
    asked.start()
    running = "SELECT query_id FROM information_schema.queries WHERE state = 'QUERY_RUNNING' AND sql LIKE '%a.k % 3%' AND sql NOT LIKE '%LIKE%'"
    check(wait_until(lambda: cluster.query(running), PATIENCE_S), f"a statement of {alone_s:.1f} s runs")
    query_id = cluster.query(running)
    resize(cluster, 3)
    asked.join(PATIENCE_S)
    check(answer == [expected], f"it has its answer, over {client.breaks} broken connections")
    ends = cluster.query("SELECT query_id, attempts FROM information_schema.queries WHERE request_id LIKE '%slow-across'")
    check(query_id and [row[0] for row in ends] == [query_id[0][0]], f"under the query id it had: {query_id} {ends}")
    body = web_result(cluster, ends[0][0]) if ends else "it is not there"
    check(str(expected[0][0]) in body, f"and the web interface gives it: {body[:150]}")


with Cluster(masters=2, workers=2, binaries=os.environ.get("TAJO_BIN"), start_arguments=("--supervise",),
             environment={"TAJO_SUPERVISE_DRAIN": "1"}) as cluster:
    cluster.query("CREATE TABLE facts (k int8, v int8)")
    cluster.query(f"INSERT INTO facts SELECT i, i % 7 FROM generate_series(1, {ROWS}) AS g(i)")
    cluster.query("CREATE TABLE written (w int4, n int8)")
    cluster.query("CREATE TABLE shell (n int8)")
    cluster.query(f"ALTER USER {cluster.user} PASSWORD 'wonder'")
    under_load(cluster)
    longer_than_the_drain(cluster)

print(f"{len(failures)} failures")
sys.exit(bool(failures))
