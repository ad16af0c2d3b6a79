"""What the checks of run_clients.py share: a database of their own and a few words to say what must hold."""
import contextlib
import io
import os
import subprocess

import psycopg2


class Place:
    """One check's database, directory and connection."""

    def __init__(self, cluster, name, settings):
        self.cluster, self.database = cluster, "clients_" + name
        self.settings = settings
        self.directory = cluster.directory / self.database
        self.directory.mkdir()
        cluster.query(f"CREATE DATABASE {self.database}")
        self.connection = self.connect()

    def connect(self):
        connection = self.cluster.connect(database=self.database)
        for name, value in self.settings:
            connection.cursor().execute(f"SET {name} = '{value}'")
        return connection

    def rows(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else None

    def one(self, sql):
        return self.rows(sql)[0][0]

    def copy(self, sql, text):
        with self.connection.cursor() as cursor:
            cursor.copy_expert(sql, io.StringIO(text))
            return cursor.rowcount

    def file(self, name, content=""):
        path = self.directory / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
        return path

    def psql(self, *arguments, stdin=None):
        environment = {**os.environ, "PGHOST": self.cluster.environment["TAJO_PID_DIR"], "PGPORT": str(self.cluster.ports[0]),
                       "PGDATABASE": self.database, "PGUSER": self.cluster.user, "LC_ALL": "C"}
        return subprocess.run(["psql", "-X", *arguments], env=environment, input=stdin, capture_output=True, text=True, timeout=60)


def equal(got, want):
    if got != want:
        raise AssertionError(f"\n  expected: {want!r}\n  got:      {got!r}")


@contextlib.contextmanager
def fails(code, *texts):
    """The block raises an error of that SQLSTATE whose message holds these texts."""
    try:
        yield
    except psycopg2.Error as e:
        if e.pgcode != code:
            raise AssertionError(f"expected {code}, got {e.pgcode}: {e}") from e
        for text in texts:
            if str(text) not in str(e):
                raise AssertionError(f"{text!r} is missing in: {e}") from e
        return
    raise AssertionError(f"expected {code}, but it succeeded")
