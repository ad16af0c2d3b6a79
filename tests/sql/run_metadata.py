"""What people see of the catalog, against a real cluster: psql's \\d family and SQLAlchemy's inspector."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster  # noqa: E402

import sqlalchemy  # noqa: E402

TABLE = "CREATE TABLE t (a int4 NOT NULL, b text, c numeric(10,2), d char(5), e varchar(7), f date, g timestamp, h timestamptz, i float8, j bool)"


class Psql:
    def __init__(self, cluster):
        self.environment = {**os.environ, "PGHOST": cluster.environment["TAJO_PID_DIR"], "PGPORT": str(cluster.ports[0]),
                            "PGDATABASE": "shop", "PGUSER": cluster.user, "LC_ALL": "C", "PSQL_PAGER": ""}

    def __call__(self, command):
        done = subprocess.run(["psql", "-X", "-At", "-c", command], env=self.environment, capture_output=True, text=True, timeout=60)
        if done.stderr.startswith("ERROR"):
            raise AssertionError(f"{command}: {done.stderr}")
        return done.stdout.splitlines()


def equal(what, got, want):
    if got != want:
        raise AssertionError(f"{what}\n  expected: {want!r}\n  got:      {got!r}")
    print(f"ok   {what}", flush=True)


def psql_major():
    """Of the client; its columns changed with 16."""
    return int(subprocess.check_output(["psql", "--version"], text=True).split()[2].split(".")[0])


def check_psql(cluster, psql):
    me = cluster.user
    expected = {
        r"\dt": [f"public|t|table|{me}", f"public|u|table|{me}"],
        r"\d": [f"public|t|table|{me}", f"public|u|table|{me}"],
        r"\dv": [], r"\di": [], r"\ds": [], r"\dm": [], r"\df": [], r"\dE": [], r"\dx": [], r"\dT": [], r"\do": [], r"\da": [],
        r"\dy": [], r"\dP": [], r"\dRp": [], r"\dRs": [], r"\dew": [], r"\des": [], r"\det": [], r"\dC": [], r"\dD": [], r"\ddp": [],
        r"\dn": [f"public|{me}"],
        r"\dt u*": [f"public|u|table|{me}"],
        r"\dt nothing": [],
        r"\d t": ["a|integer||not null|", "b|text|||", "c|numeric(10,2)|||", "d|character(5)|||", "e|character varying(7)|||", "f|date|||",
                  "g|timestamp without time zone|||", "h|timestamp with time zone|||", "i|double precision|||", "j|boolean|||"],
        r"\d public.u": ["x|bigint|||"],
        r"\dfS upper": ["pg_catalog|upper|text|text|func"],
        r"\dconfig datestyle": ["datestyle|ISO, MDY"],
    }
    for command, want in expected.items():
        equal(command, psql(command), want)
    equal(r"\l", [line for line in psql(r"\l") if line.startswith("shop")], [f"shop|{me}|UTF8|libc|C|C|||" if psql_major() >= 16 else f"shop|{me}|UTF8|C|C||libc|"])
    member_of = "" if psql_major() >= 16 else "|{}"
    equal(r"\du", psql(r"\du"), [f"clerk|{member_of}", f"{me}|Superuser, Create role, Create DB{member_of}"])
    for command in (r"\l+", r"\dn+", r"\du+", r"\dt+", r"\d+", r"\d+ t", r"\dp", r"\db", r"\db+", r"\dTS", r"\dA", r"\dO", r"\dS pg_class",
                    r"\dfS+ lower", r"\d pg_catalog.pg_class", r"\dg", r"\dv+", r"\di+", r"\drds", r"\z"):
        psql(command)
        print(f"ok   {command}", flush=True)
    size = [line.split("|") for line in psql(r"\dt+ u")]
    equal("size and method of a table", (size[0][5], size[0][6].endswith((" bytes", " kB"))), ("hdf5", True))


def check_sqlalchemy(cluster):
    engine = sqlalchemy.create_engine(f"postgresql+psycopg2://{cluster.user}@/shop?host={cluster.environment['TAJO_PID_DIR']}"
                                      f"&port={cluster.ports[0]}", isolation_level="AUTOCOMMIT")
    inspector = sqlalchemy.inspect(engine)
    equal("schemas", inspector.get_schema_names(), ["information_schema", "public"])
    equal("tables", sorted(inspector.get_table_names()), ["t", "u"])
    equal("views", inspector.get_view_names(), [])
    columns = inspector.get_columns("t")
    equal("columns", [(c["name"], str(c["type"]), c["nullable"]) for c in columns],
          [("a", "INTEGER", False), ("b", "TEXT", True), ("c", "NUMERIC(10, 2)", True), ("d", "CHAR(5)", True), ("e", "VARCHAR(7)", True),
           ("f", "DATE", True), ("g", "TIMESTAMP", True), ("h", "TIMESTAMP", True), ("i", "DOUBLE PRECISION", True), ("j", "BOOLEAN", True)])
    equal("keys", (inspector.get_pk_constraint("t")["constrained_columns"], inspector.get_foreign_keys("t"), inspector.get_indexes("t"),
                   inspector.get_unique_constraints("t"), inspector.get_check_constraints("t")), ([], [], [], [], []))
    equal("has_table", (inspector.has_table("t"), inspector.has_table("nothing")), (True, False))
    reflected = sqlalchemy.MetaData()
    reflected.reflect(bind=engine)
    table = reflected.tables["t"]
    with engine.connect() as connection:
        connection.execute(table.insert(), [{"a": 2, "b": "two", "c": "2.50"}, {"a": 3, "b": None, "c": "3"}])
        got = connection.execute(sqlalchemy.select(table.c.a, table.c.b, table.c.c).order_by(table.c.a)).all()
        equal("rows", [(a, b, str(c)) for a, b, c in got], [(2, "two", "2.50"), (3, None, "3.00")])


def main():
    with Cluster(masters=1, workers=1) as cluster:
        cluster.query("CREATE DATABASE shop")
        cluster.query("CREATE USER clerk PASSWORD 'secret'")
        psql = Psql(cluster)
        psql(TABLE)
        psql("CREATE TABLE u AS SELECT i::int8 AS x FROM generate_series(1, 5) AS g (i)")
        check_psql(cluster, psql)
        check_sqlalchemy(cluster)


if __name__ == "__main__":
    main()
