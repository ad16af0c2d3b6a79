"""A load that notices: the same distributed query again and again, its answer known."""
import threading

QUERY = "SELECT k % 97, count(*), sum(v) FROM facts GROUP BY 1 ORDER BY 1"


class Load(threading.Thread):
    """The same distributed query again and again; every answer must be the first one."""

    def __init__(self, cluster, master):
        super().__init__()
        self.cursor = cluster.connect(master).cursor()
        self.cursor.execute("SET tajo.optimizer.force_distributed = 'on'")
        self.cursor.execute(QUERY)
        self.expected, self.answers, self.problems = self.cursor.fetchall(), 0, []
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            try:
                self.cursor.execute(QUERY)
                if self.cursor.fetchall() != self.expected:
                    self.problems.append("another answer")
                self.answers += 1
            except Exception as e:  # noqa: BLE001
                self.problems.append(str(e).strip())
                return

    def end(self):
        self.ended.set()
        self.join()
