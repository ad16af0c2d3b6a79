"""A wire that can be cut: a Unix socket whose bytes go to and from another one."""
import pathlib
import socket
import threading


class Relay:
    """Listens in `directory` as the master of that port does in its own. cut() breaks what stands and lets nobody in
    until mend(); cut(far=False) only towards the client: the master has not noticed yet."""

    def __init__(self, directory, target, port):
        directory.mkdir(mode=0o700, exist_ok=True)
        self.target = str(pathlib.Path(target) / f".s.PGSQL.{port}")
        self.path = directory / f".s.PGSQL.{port}"
        self.lock, self.open, self.pairs = threading.Lock(), True, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()
        self.listener.close()
        self.path.unlink()

    def cut(self, far=True):
        with self.lock:
            self.open = False
            for near, behind in self.pairs:
                self._shut(near)
                if far:
                    self._shut(behind)
            if far:
                self.pairs.clear()

    def mend(self):
        with self.lock:
            self.open = True

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if not self.open:
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.target)
                self.pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    def _carry(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        with self.lock:
            if not self.open and (source, sink) in self.pairs:
                return  # cut on this side only
        self._shut(source)
        self._shut(sink)

    @staticmethod
    def _shut(s):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
