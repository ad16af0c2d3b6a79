"""Clients of the matrix. CarefulClient does what docs/reliability.md advises: every statement has a request id, and is sent
again elsewhere when the connection or its outcome is lost. SlowReader reads a result row by row from the wire."""
import socket
import struct
import time

import psycopg2
import psycopg2.extensions

PATIENCE_S = 60
AGAIN_S = 0.1
# What is sent again: connection lost, outcome unknown, shutting down, serialization, a COPY whose rows went with the
# master that took them; a client need not know more.
AGAIN = ("08", "57P", "40001", "58030: the data of a COPY was lost")


class GaveUp(Exception):
    pass


class CarefulClient:
    """One connection at a time, first to `masters[0]`. `tolerated`: beginnings of "SQLSTATE: message" that are tried again, beyond
    AGAIN; or patterns of the whole."""

    def __init__(self, rig, masters, tolerated=(), settings=()):
        self.rig, self.masters, self.tolerated = rig, list(masters), tuple(tolerated)
        self.settings = list(settings)
        self.connection, self.place, self.errors, self.given_up = None, 0, [], False

    def _connect(self):
        self.connection = self.rig.cluster.connect(self.masters[self.place % len(self.masters)], options={"connect_timeout": 3})
        with self.connection.cursor() as cursor:
            for name, value in self.settings:
                cursor.execute(f"SET {name} = '{value}'")

    def _elsewhere(self):
        try:
            if self.connection is not None:
                self.connection.close()
        except psycopg2.Error:
            pass
        self.connection = None
        self.place += 1

    def execute(self, sql, request=None):
        """Rows, or None; GaveUp after PATIENCE_S; other errors as they are."""
        return self._again(sql, request, lambda cursor: cursor.execute(sql))

    def copy_in(self, sql, make_file, request=None):
        return self._again(sql, request, lambda cursor: cursor.copy_expert(sql, make_file()))

    def _again(self, sql, request, act):
        end, number = time.time() + PATIENCE_S, 0
        while True:
            try:
                if self.connection is None or self.connection.closed:
                    self._connect()
                with self.connection.cursor() as cursor:
                    if request is not None:
                        cursor.execute(f"SET tajo.request_id = '{request}-{number}'")
                    act(cursor)
                    return cursor.fetchall() if cursor.description else None
            except psycopg2.Error as e:
                state = e.pgcode or ""
                lost = self.connection is None or self.connection.closed or isinstance(e, psycopg2.OperationalError) and not state
                if not lost and not self.forgives(f"{state}: {str(e).strip()}"):
                    raise
                self.errors.append(f"{state or 'connection lost'}: {str(e).strip()[:200]}")
                if time.time() > end or self.given_up:
                    raise GaveUp(f"{sql[:60]}: {self.errors[-1]}") from e
                if not lost and not state.startswith("08"):
                    number += 1  # refused for sure, and the refusal is this request's outcome: a new attempt is a new request
                if lost or state.startswith("57P"):
                    self._elsewhere()
                time.sleep(AGAIN_S)

    def forgives(self, error):
        return any(error.startswith(t) if isinstance(t, str) else t.match(error) for t in AGAIN + self.tolerated)

    def abandon(self):
        """From another thread: the master does not answer; whoever waits for it hears that the connection is gone."""
        connection = self.connection
        if connection is not None and not connection.closed:
            with socket.fromfd(connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as s:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def give_up(self):
        """From another thread: nothing is tried again."""
        self.given_up = True

    def close(self):
        if self.connection is not None and not self.connection.closed:
            self.connection.close()


class ServerError(Exception):
    def __init__(self, state, message):
        super().__init__(f"{state}: {message}")
        self.state = state


class SlowReader:
    """A PostgreSQL client that takes one message after the other, so that a result stays half read as long as one likes."""

    def __init__(self, cluster, master):
        """`cluster`: of support/cluster.py."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(f"{cluster.socket_directory(master)}/.s.PGSQL.{cluster.ports[master]}")
        self.file = self.socket.makefile("rb")
        body = struct.pack("!I", 196608) + f"user\0{cluster.user}\0database\0default\0\0".encode()
        self.socket.sendall(struct.pack("!I", len(body) + 4) + body)
        self._until(b"Z")

    def _message(self):
        head = self.file.read(5)
        if len(head) < 5:
            raise ConnectionError("the server closed the connection")
        kind, size = head[:1], struct.unpack("!I", head[1:])[0]
        body = self.file.read(size - 4)
        if kind == b"E":
            fields = {f[:1]: f[1:].decode() for f in body.split(b"\0") if f}
            raise ServerError(fields[b"C"], fields[b"M"])
        return kind, body

    def _until(self, wanted):
        kind = None
        while kind != wanted:
            kind, _ = self._message()

    def send(self, sql):
        body = sql.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!I", len(body) + 4) + body)

    def rows(self, most=None):
        """Reads at most that many rows. (rows read, a sum over their first column, whether the result is complete)"""
        count, total = 0, 0
        while most is None or count < most:
            kind, body = self._message()
            if kind == b"D":
                size = struct.unpack_from("!i", body, 2)[0]
                total += int(body[6:6 + size])
                count += 1
            elif kind == b"Z":
                return count, total, True
        return count, total, False

    def abandon(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.socket.close()
