"""A program in a terminal of its own, as a user sits before it: type, and wait for what it shows."""
import os
import pty
import re
import select
import signal
import time

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]")


class Terminal:
    def __init__(self, command, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**environment, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        self.output, self.read_to = "", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def type(self, text):
        os.write(self.fd, text.encode())

    def until(self, text, timeout_s=20):
        """Waits for a text after what was waited for before; gives what stands between, without the terminal's escapes."""
        end = time.monotonic() + timeout_s
        while True:
            at = self.output.find(text, self.read_to)
            if at >= 0:
                seen = self.output[self.read_to:at]
                self.read_to = at + len(text)
                return ESCAPES.sub("", seen).replace("\r", "")
            if time.monotonic() > end or not self._more():
                raise AssertionError(f"{text!r} did not come after: {self.output[self.read_to:]!r}")

    def _more(self):
        if not select.select([self.fd], [], [], 0.2)[0]:
            return True
        try:
            more = os.read(self.fd, 65536).decode(errors="replace")
        except OSError:   # the program has ended
            more = ""
        self.output += more
        return bool(more)

    def status(self):
        """Waits for the program's end."""
        while self._more():
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)
