"""A site for the scripts of slurm/: a Slurm over three simulated hosts (slurm_lab.py), a configuration directory and a root
directory that all of them see."""
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

from slurm_lab import SlurmLab

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TAJO_BIN", ROOT / "build/release/bin"))
SERVICE = ROOT / "slurm/tajo-service.sbatch"
BATCH = ROOT / "slurm/tajo-batch.sbatch"
LAUNCHERS = ("mpirun", "prterun", "prted")
TAJO = ("tajod", *LAUNCHERS, "supervise.sh", "rank-step", "service-guard", "tsql")


def until(condition, timeout_s, every_s=0.3):
    end = time.time() + timeout_s
    while time.time() < end:
        if condition():
            return True
        time.sleep(every_s)
    return False


class Shell:
    """One user's tsql on the login host, opened by tajo-connect, with a setting of its own; left open while things happen."""

    def __init__(self, site):
        self.process = subprocess.Popen([*site.hosts.enter(site.slurm.controller), str(ROOT / "slurm/tajo-connect"), "-U", "ann"],
                                        env={**site.slurm.environment, **site.environment, "PGPASSWORD": "secret"},
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.say("SET tajo.optimizer.force_distributed = 'on';")

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def keeps_its_session(self, timeout_s=60):
        """What it says to a last question, on whatever connection it has by now; None: the setting is lost."""
        self.say("SELECT 6 * 7 AS before_the_setting;")
        self.say("SHOW tajo.optimizer.force_distributed;")
        try:
            text = self.process.communicate(timeout=timeout_s)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            text = "".join(self.process.stdout)
        return text if re.search(r"before_the_setting.*\n42\n.*\non\n", text, re.S) else None


ROWS = 100_000
# Pairs of equal remainders, without those of row 1 with a.k % 3 = 2.
ANSWER = sum(len(range(r or 7, ROWS + 1, 7)) ** 2 for r in range(7)) - len(range(8, ROWS + 1, 21))


class Load:
    """Two more users' tsql while a service hands over: one asks for seconds of work again and again, one inserts."""
    SLOW = "SELECT count(*) FROM facts a JOIN facts b ON a.v = b.v AND a.k % 3 <= b.k;"
    ASKED = 3
    PATIENCE_S = 150

    def __init__(self, site):
        self.site, self.given = site, 0
        site.connect("--inside", "-c", f"CREATE TABLE facts AS SELECT x AS k, x % 7 AS v FROM generate_series(1, {ROWS}) AS g(x); CREATE TABLE written (n int8)")
        self.asker, self.writer, self.ended = Shell(site), Shell(site), threading.Event()
        for _ in range(self.ASKED):
            self.asker.say(self.SLOW)
        self.thread = threading.Thread(target=self.write)
        self.thread.start()

    def write(self):
        while not self.ended.wait(0.2):
            self.writer.say(f"INSERT INTO written VALUES ({self.given});")
            self.given += 1

    def check_all_counted(self, what):
        self.ended.set()
        self.thread.join()
        asked, written = (shell.keeps_its_session(self.PATIENCE_S) or "no answer to the last question" for shell in (self.asker, self.writer))
        answers = re.findall(r"^\d{6,}$", asked, re.M)
        attempts = self.site.query("SELECT count(*), max(attempts) FROM information_schema.queries WHERE sql LIKE '%a.k % 3%' AND sql NOT LIKE '%LIKE%'")
        self.site.check(answers == [str(ANSWER)] * self.ASKED and "ERROR" not in asked,
                        f"{what}: statements of seconds are answered, across the handover too: {answers} {attempts} {asked[-300:] if 'ERROR' in asked else ''}")
        self.site.check("ERROR" not in written and self.site.query("SELECT count(*), count(DISTINCT n) FROM written") == f"{self.given},  {self.given}",
                        f"{what}: {self.given} inserts are each there once {[line for line in written.splitlines() if 'ERROR' in line][:3]}")


class Site:
    def __init__(self, directory, proctrack="linuxproc"):
        self.directory = pathlib.Path(directory)
        self.slurm = SlurmLab(3, directory, proctrack=proctrack)
        self.hosts = self.slurm.hosts
        self.local = self.hosts.local
        self.conf = self.directory / "conf"
        self.root = self.directory / "root"
        self.ha = self.root / "system/ha"
        self.failed = self.passed = 0
        self.last_error = ""
        self.conf.mkdir()
        values = {"tajo.rootdir": f"file://{self.root}", "tajo.worker.tmpdir.locations": f"{self.local}/tmpdir"}
        properties = "".join(f"<property><name>{k}</name><value>{v}</value></property>" for k, v in values.items())
        (self.conf / "tajo-site.xml").write_text(f"<configuration>{properties}</configuration>\n")
        for name in ("masters", "workers"):
            (self.conf / name).write_text("localhost\n")
        self.environment = {"TAJO_CONF": str(self.conf), "TAJO_BIN": str(BIN), "TAJO_PID_DIR": f"{self.local}/run", "TMPDIR": f"{self.local}/tmp",
                            "TAJO_DOCTOR_PATIENCE": "20"}

    def check(self, condition, text):
        self.failed += not condition
        self.passed += bool(condition)
        print(f"{'ok    ' if condition else 'FAILED'} {text}", flush=True)
        return bool(condition)

    def show(self):
        """For who reads a failed run."""
        self.slurm.show_logs()
        for log in sorted((self.root / "logs").glob("*")):
            print(f"--- {log.name}", file=sys.stderr)
            print("\n".join(log.read_text(errors="replace").splitlines()[-60:]), file=sys.stderr)
        print(f"--- {self.ha}: {sorted(p.name for p in self.ha.glob('*'))}", file=sys.stderr)
        print(self.slurm.call("squeue", "-a", check=False), file=sys.stderr)

    def submit(self, script, *arguments, options=(), **environment):
        return self.slurm.submit(script, *arguments, options=("--nodes=3", *options), environment={**self.environment, **environment})

    def connect(self, *arguments, **environment):
        """Output of tajo-connect on the login host; None when it failed, last_error then says why."""
        try:
            return self.slurm.call("timeout", "60", ROOT / "slurm/tajo-connect", *arguments, environment={**self.environment, **environment})
        except RuntimeError as error:
            self.last_error = str(error)
            return None

    def query(self, sql):
        """First row of a query over TCP, as a user with a password, tried at every master."""
        text = self.connect("-U", "ann", "-c", sql, PGPASSWORD="secret")
        lines = (text or "").splitlines()
        return lines[2] if len(lines) > 2 and lines[1].startswith("---") else None

    def serves(self):
        return self.query("SELECT 1 + 1") == "2"

    def keeps(self):
        """The table that service() made, from whoever serves; a session that is handed over in between asks again."""
        return until(lambda: self.query("SELECT sum(x) FROM kept") == "500500", 10)

    def service(self, options=(), **environment):
        """A running service with a table and a user; its job."""
        job = self.submit(SERVICE, options=options, **environment)
        if not until(lambda: (self.connect("--inside", "-c", "SELECT 1") or "").count("\n1\n"), 90):
            raise RuntimeError(f"the service does not come up: {self.slurm.output(job)} {self.last_error}")
        if not (self.root / "warehouse/default/kept").exists():
            self.connect("--inside", "-c", "CREATE USER ann PASSWORD 'secret'; CREATE TABLE kept AS SELECT x FROM generate_series(1, 1000) AS g(x)")
        return job

    def served_by(self):
        """The job whose cluster serves, by the file it wrote."""
        return next((int(n) for n in re.findall(r"^job (\d+)$", (self.ha / "service").read_text(), re.M)), None)

    def launches(self):
        return {file.name.split("-")[1] for file in self.ha.glob("rank-*")}

    def processes(self, *names):
        """{host:pid: command line} of the site's processes that are one of `names`, on the hosts that live."""
        found = {}
        for host in self.slurm.nodes:
            if self.hosts.alive(host):
                for pid, words in self.hosts.processes(host).items():
                    if any(name in words for name in names or TAJO):
                        found[f"{host}:{pid}"] = words[:120]
        return found

    def files_on_hosts(self):
        for host in filter(self.hosts.alive, self.slurm.nodes):
            for place in ("/dev/shm", f"{self.local}/tmp", f"{self.local}/run"):
                for path in pathlib.Path(self.hosts.path(host, place)).glob("*"):
                    yield f"{host}:{place}/{path.name}", path

    def nothing_left(self, what):
        """No process, shared memory, launcher's directory or socket on any host; no endpoint and no job's configuration."""
        def left():
            found = [*self.processes().values(), *(name for name, _ in self.files_on_hosts())]
            return found + [str(p) for p in [*self.ha.glob("*-*"), *(self.root / "system/slurm").glob("*")]]
        return self.check(until(lambda: not left(), 30), f"{what}: nothing is left on any host {left()}")

    def ended_well(self, what):
        """The log has its last words: the next start does not ask whether somebody still writes it."""
        state = self.slurm.call(BIN / "tajo", "--config", self.conf, "launch-state", check=False)
        return self.check("TAJO_STATE_ENDED=1" in state, f"{what}: the log ends with its last words")

    def end(self, job):
        """Ends a service, and the successors it may have submitted meanwhile."""
        def gone():
            self.slurm.call("scancel", job, check=False)
            self.slurm.call("scancel", "--name=tajo-service", check=False)
            return not self.slurm.call("squeue", "-h", "--name=tajo-service", check=False).strip()
        until(gone, 60, 1)
        until(lambda: not self.processes(), 20)

    def environment_of(self, name):
        """Of the first process on a host that lives whose command line has the word."""
        for place in self.processes(name):
            host, pid = place.split(":")
            text = pathlib.Path(self.hosts.path(host, f"/proc/{pid}/environ")).read_bytes().decode(errors="replace")
            return dict(v.split("=", 1) for v in text.split("\0") if "=" in v)
        return {}

    def steps(self, *names):
        """{(host, pid): its step} of processes whose program is one of `names`; of ranks, not of who keeps them."""
        found = {}
        for host in filter(self.hosts.alive, self.slurm.nodes):
            for pid, words in self.hosts.processes(host).items():
                directory = pathlib.Path(self.hosts.path(host, f"/proc/{pid}"))
                try:
                    if pathlib.Path(words.split()[0]).name not in names or (names == ("tajod",) and (directory / "comm").read_text().strip() != "tajod"):
                        continue
                    values = dict(v.split("=", 1) for v in (directory / "environ").read_bytes().decode(errors="replace").split("\0") if "=" in v)
                    group = (directory / "cgroup").read_text()
                except OSError:
                    continue
                found[(host, pid)] = self.step_of(values, group)
        return found

    def ranks_sruns(self):
        """(host, pid) of what started each rank's step; not of the processes that watch them."""
        found = {}
        for host in filter(self.hosts.alive, self.slurm.nodes):
            for pid, words in self.hosts.processes(host).items():
                if words.startswith("srun ") and " rank-step " in words:
                    try:
                        stat = pathlib.Path(self.hosts.path(host, f"/proc/{pid}/stat")).read_text()
                    except OSError:
                        continue
                    found[(host, pid)] = int(stat.rsplit(")", 1)[1].split()[1])
        return [(host, pid) for (host, pid), parent in found.items() if (host, parent) not in found]

    def step_of(self, environment, groups):
        """As Slurm itself tracks it, where it does so by cgroup; else as it told the process."""
        if self.slurm.proctrack == "cgroup":
            path = re.search(r":freezer:.*/job_\d+/step_(\w+)", groups)
            return path.group(1) if path else f"none: {groups}"
        return environment.get("SLURM_STEP_ID", "batch")
