"""The connection of a tsql breaks while its master lives: the session waits for it and nothing else is said; is it gone,
tsql says so and makes its settings again. A statement under way goes on. A session nobody comes back for ends."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import psycopg2  # noqa: E402

from client_place import equal  # noqa: E402
from cluster import ROOT, Cluster, wait_until  # noqa: E402
from relay import Relay  # noqa: E402
from terminal import Terminal  # noqa: E402

PROGRAM = str(pathlib.Path(os.environ.get("TAJO_BIN", ROOT / "build/release/bin")) / "tsql")
LOST = "the session was lost"


def shell(cluster, relay, port):
    environment = {**cluster.environment, "HOME": str(cluster.directory)}
    return Terminal([PROGRAM, "-h", str(relay.path.parent), "-p", str(port)], environment)


def asked(tsql, sql, answer):
    """What is said before the answer."""
    tsql.type(sql + "\n")
    tsql.until(sql)
    said = tsql.until(answer)
    tsql.until("> ")
    return said


def sessions_of_shells(cluster, master=0):
    return cluster.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tsql'", master)[0][0]


def session_of(tsql):
    tsql.type("SELECT 'it is ' || tajo_session_id() || '.';\n")
    tsql.until("\nit is ")
    session = tsql.until(".\r\n")
    tsql.until("> ")
    return session


def set_up(tsql):
    tsql.until("default> ")
    tsql.type("CREATE DATABASE other; SET statement_timeout = '66s'; SET its.own TO 'a b'; SET TIME ZONE 'Asia/Tokyo';\n")
    tsql.type("\\c other\n")
    tsql.until("other> ")
    tsql.type("SET statement_timeout = '77s'; RESET its.own; SET my.own = 'c d';\n")
    tsql.until("other> ")


def settings_are_right(tsql):
    asked(tsql, "SHOW statement_timeout;", "77000")
    asked(tsql, "SHOW my.own;", "c d")
    asked(tsql, "SELECT TIMESTAMPTZ '2020-01-01 00:00:00+00' t;", "2020-01-01 09:00:00+09")
    asked(tsql, "SELECT current_database() || '!';", "other!")


def main():
    with Cluster(masters=2, workers=1) as cluster:
        active, port = cluster.active()[1:]
        with Relay(cluster.directory / "wire", cluster.environment["TAJO_PID_DIR"], cluster.ports[port]) as wire, \
             shell(cluster, wire, cluster.ports[port]) as tsql:
            set_up(tsql)
            session = session_of(tsql)
            wire.cut()
            wire.mend()
            said = asked(tsql, "SHOW statement_timeout;", "77000")
            equal(("reconnecting" in said, LOST in said, "WARNING" in said), (True, False, False))
            equal(session_of(tsql), session)
            settings_are_right(tsql)

            tsql.type("SELECT count(*) + 1 FROM generate_series(1, 1500000000) a;\n")  # under way, and the wire breaks
            running = f"SELECT count(*) FROM information_schema.queries WHERE finished IS NULL AND session_id = '{session}'"
            equal(wait_until(lambda: cluster.query(running)[0][0] > 0), True)
            wire.cut()
            wire.mend()
            said = tsql.until("1500000001", 90)
            equal((said.count("reconnecting"), LOST in said), (1, False))
            tsql.until("> ")

            wire.cut(far=False)  # somebody else ends the session, before its master has noticed that the first one has gone
            taken = psycopg2.connect(host=cluster.socket_directory(port), port=cluster.ports[port], dbname="default", user=cluster.user,
                                     options=f"-c tajo.session={session}")
            equal(taken.info.parameter_status("tajo.session"), session)
            equal(taken.info.parameter_status("TimeZone"), "Asia/Tokyo")
            taken.close()
            wire.cut()
            equal(wait_until(lambda: sessions_of_shells(cluster) == 0), True)
            wire.mend()
            said = asked(tsql, "SHOW statement_timeout;", "77000")
            words = said[said.index(LOST):].splitlines()[0]
            equal(words, LOST + ": this is a new one in database other, with these settings made again: statement_timeout, timezone, my.own")
            equal("session \"" + session + "\" is gone" in said, True)
            settings_are_right(tsql)
            equal(session_of(tsql) == session, False)
            print("ok   a broken connection: the session is taken up again, or its loss is said")

    with Cluster(masters=2, workers=1, settings={"tajo.client.session.expiry-time-sec": "1"}) as cluster:
        active, port = cluster.active()[1:]
        with Relay(cluster.directory / "wire", cluster.environment["TAJO_PID_DIR"], cluster.ports[1 - port]) as wire, \
             shell(cluster, wire, cluster.ports[1 - port]) as tsql:
            set_up(tsql)
            session = session_of(tsql)
            cluster.kill(active)  # tsql's master stays: nothing is said, and its session is not alone
            equal(asked(tsql, "SHOW statement_timeout;", "77000").count("session"), 0)
            wire.cut()
            equal(wait_until(lambda: sessions_of_shells(cluster, 1 - port) == 0, 40), True)
            wire.mend()
            said = asked(tsql, "SHOW statement_timeout;", "77000")
            equal(LOST in said, True)
            settings_are_right(tsql)
            print("ok   a session alone for too long ends")


if __name__ == "__main__":
    main()
