"""The active master is killed under the clients of it: tsql keeps its session, psql resets its connection, psycopg2 connects
again, and takes its session up with options='-c tajo.session=…'. What README.md says of each."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import psycopg2  # noqa: E402

from client_place import equal  # noqa: E402
from cluster import ROOT, Cluster, wait_until  # noqa: E402
from terminal import Terminal  # noqa: E402


def both(cluster):
    """host and port of all masters, in libpq's form."""
    directory = cluster.environment["TAJO_PID_DIR"]
    return ",".join([directory] * cluster.masters), ",".join(map(str, cluster.ports))


def connect(cluster, **more):
    """By a connection string of several hosts, as a user has it."""
    hosts, ports = both(cluster)
    connection = psycopg2.connect(host=hosts, port=ports, dbname="default", user=cluster.user, connect_timeout=20, **more)
    connection.autocommit = True
    return connection


def one(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def again(cluster, **more):
    """A new connection, as soon as a master takes it."""
    made = []

    def attempt():
        try:
            made.append(connect(cluster, **more))
        except psycopg2.OperationalError:
            return False
        return True

    if not wait_until(attempt):
        raise AssertionError("no master took the connection")
    return made[0]


def main():
    with Cluster(masters=2, workers=1) as cluster:
        hosts, ports = both(cluster)
        equal(cluster.active()[2], 0)
        client = connect(cluster)
        client.cursor().execute("SET statement_timeout = '77s'")
        session = client.info.parameter_status("tajo.session")
        # a second connection takes the session up while the first still has it
        beside = connect(cluster, options=f"-c tajo.session={session}")
        equal(one(beside, "SHOW statement_timeout"), one(client, "SHOW statement_timeout"))
        timeout = one(client, "SHOW statement_timeout")
        beside.close()

        program = pathlib.Path(os.environ.get("TAJO_BIN", ROOT / "build/release/bin")) / "tsql"
        environment = {**cluster.environment, "HOME": str(cluster.directory)}
        with Terminal([str(program), "-h", hosts, "-p", ports], environment) as tsql, \
             Terminal(["psql", "-X", "-h", hosts, "-p", ports, "-U", cluster.user, "default"], environment) as psql:
            tsql.until("default> ")
            tsql.type("SET statement_timeout = '66s';\n")
            tsql.until("default> ")
            psql.until("default=")
            psql.type("SET statement_timeout = '55s';\n")
            psql.until("SET")

            cluster.kill(cluster.active()[1])

            tsql.type("SHOW statement_timeout;\n")
            tsql.until("reconnecting")
            tsql.until("66000")
            tsql.until("default> ")
            psql.type("SELECT 40 + 2;\n")
            psql.until("Attempting reset: Succeeded.", 30)
            psql.type("SELECT 40 + 2;\n")
            psql.until("42")
            psql.type("SHOW statement_timeout;\n")
            equal("55000" in psql.until("(1 row)"), False)   # a new session

        try:
            one(client, "SELECT 1")
            raise AssertionError("psycopg2 noticed nothing")
        except psycopg2.OperationalError:
            client.close()
        equal(one(again(cluster, options=f"-c tajo.session={session}"), "SHOW statement_timeout"), timeout)
        equal(one(again(cluster), "SHOW statement_timeout") == timeout, False)
        # a session nobody knows begins anew
        other = connect(cluster, options="-c tajo.session=11111111-1111-4111-8111-111111111111")
        equal(one(other, "SHOW statement_timeout") == timeout, False)
    print("ok   reconnect")


if __name__ == "__main__":
    main()
