"""The scripts of slurm/ under a real Slurm over simulated hosts (slurm_lab.py). slurm_jobs.py [TEST…]; without arguments all.
Status 77 (skipped) where no Slurm can be made."""
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

from slurm_lab import SlurmLab, unavailable

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TAJO_BIN", ROOT / "build/release/bin"))
SERVICE = ROOT / "slurm/tajo-service.sbatch"
TAJO = ("tajod", "mpirun", "prted", "prterun", "supervise.sh", "rank-step")
failures = passed = 0


def check(condition, text):
    global failures, passed
    failures += not condition
    passed += bool(condition)
    print(f"{'ok    ' if condition else 'FAILED'} {text}", flush=True)


def until(condition, timeout_s, every_s=0.3):
    end = time.time() + timeout_s
    while time.time() < end:
        if condition():
            return True
        time.sleep(every_s)
    return False


class Site:
    """A Slurm with a configuration directory and a root directory that all hosts see."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.slurm = SlurmLab(3, directory)
        local = self.slurm.hosts.local
        self.conf = self.directory / "conf"
        self.root = self.directory / "root"
        self.ha = self.root / "system/ha"
        self.conf.mkdir()
        values = {"tajo.rootdir": f"file://{self.root}", "tajo.worker.tmpdir.locations": f"{local}/tmpdir"}
        properties = "".join(f"<property><name>{k}</name><value>{v}</value></property>" for k, v in values.items())
        (self.conf / "tajo-site.xml").write_text(f"<configuration>{properties}</configuration>\n")
        for name in ("masters", "workers"):
            (self.conf / name).write_text("localhost\n")
        self.environment = {"TAJO_CONF": str(self.conf), "TAJO_BIN": str(BIN), "TAJO_PID_DIR": f"{local}/run", "TMPDIR": f"{local}/tmp",
                            "TAJO_SUPERVISE_IDLE": "5"}

    def submit(self, script, *arguments, options=(), **environment):
        return self.slurm.submit(script, *arguments, options=("--nodes=3", *options), environment={**self.environment, **environment})

    def connect(self, *arguments, **environment):
        """Output of tajo-connect on the login host; None when it failed."""
        try:
            return self.slurm.call("timeout", "30", ROOT / "slurm/tajo-connect", *arguments, environment={**self.environment, **environment})
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

    def service(self, options=(), **environment):
        """A running service with a table and a user; its job."""
        job = self.submit(SERVICE, options=options, **environment)
        if not until(lambda: (self.connect("--inside", "-c", "SELECT 1") or "").count("\n1\n"), 90):
            raise RuntimeError(f"the service does not come up: {self.slurm.output(job)} {self.last_error}")
        if not (self.root / "warehouse/default/kept").exists():
            self.connect("--inside", "-c", "CREATE USER ann PASSWORD 'secret'; CREATE TABLE kept AS SELECT x FROM generate_series(1, 1000) AS g(x)")
        return job

    def left_running(self):
        found = {}
        for host in self.slurm.nodes:
            if self.slurm.hosts.alive(host):
                for pid, words in self.slurm.hosts.processes(host).items():
                    if any(name in words for name in TAJO):
                        found[f"{host}:{pid}"] = words[:120]
        return found

    def end(self, job):
        self.slurm.call("scancel", job, check=False)
        self.slurm.wait(job, timeout_s=60)

    def steps(self, name):
        """{(host, pid): step} of processes whose program is `name`."""
        found = {}
        for host in self.slurm.nodes:
            for pid, words in self.slurm.hosts.processes(host).items():
                if pathlib.Path(words.split()[0]).name != name:
                    continue
                directory = pathlib.Path(self.slurm.hosts.path(host, f"/proc/{pid}"))
                values = dict(v.split("=", 1) for v in (directory / "environ").read_bytes().decode(errors="replace").split("\0") if "=" in v)
                found[(host, pid)] = (values.get("SLURM_JOB_ID"), values.get("SLURM_STEP_ID", "batch"), (directory / "comm").read_text().strip())
        return found


def batch(site):
    sql = site.directory / "script.sql"
    sql.write_text("CREATE TABLE squares AS SELECT x, x * x AS y FROM generate_series(1, 1000) AS g(x);\n"
                   "SELECT count(*), sum(y) FROM squares;\nSELECT count(*), count(DISTINCT host) FROM information_schema.cluster;\n")
    job = site.submit(ROOT / "slurm/tajo-batch.sbatch", sql)
    state = site.slurm.wait(job)
    text = site.slurm.output(job)
    check(state == "COMPLETED" and "1000,  333833500" in text, f"batch: {state}, the answer is in its output")
    check("\n6,  3\n" in text, "batch: a master and a worker on each of three hosts")
    check(not site.left_running() and not list((site.root / "system/slurm").iterdir()), f"batch: nothing is left {site.left_running()}")
    sql.write_text("SELECT count(*) FROM squares;\nSELECT * FROM nowhere;\n")
    job = site.submit(ROOT / "slurm/tajo-batch.sbatch", sql)
    state = site.slurm.wait(job)
    code = site.slurm.field(job, "ExitCode")
    check(state == "FAILED" and code != "0:0" and "nowhere" in site.slurm.output(job), f"batch: a statement that fails is the job's status: {state} {code}")
    check("\n1000\n" in site.slurm.output(job), "batch: the table of the job before is there")
    job = site.submit(ROOT / "slurm/tajo-batch.sbatch", "/nowhere.sql")
    state = site.slurm.wait(job)
    check(state == "FAILED" and "/nowhere.sql" in site.slurm.output(job), f"batch: a missing file is said: {site.slurm.output(job).strip().splitlines()[-1:]}")
    shutil.rmtree(site.root)


def service(site):
    job = site.service()
    check(site.query("SELECT count(*) FROM kept") == "1000", "service: tajo-connect with a password over TCP")
    tunnel = site.connect("--tunnel") or ""
    check(re.match(r"ssh -N -L 26002:h[123]:26002 -L 26080:h[123]:26080 ", tunnel) is not None, f"service: the tunnel's line: {tunnel.strip().splitlines()[:1]}")
    ranks = {k: v for k, v in site.steps("tajod").items() if v[2] == "tajod"}
    launchers = {v[1] for v in [*site.steps("prted").values(), *site.steps("mpirun").values(), *site.steps("prterun").values()]}
    own = [v[1] for v in ranks.values()]
    check(len(ranks) == 6 and len(set(own)) == 6, f"service: six ranks, each in a step of its own: {sorted(own)}")
    check(launchers and not launchers & set(own), f"service: the launcher is in other steps: {sorted(launchers)}")
    second = site.submit(SERVICE)
    check(site.slurm.wait(second) == "FAILED" and "answers at" in site.slurm.output(second), "service: a second one on the same root directory is refused")
    check(site.serves(), "service: the first one goes on")
    site.end(job)
    check(until(lambda: not site.left_running(), 20), f"scancel: nothing is left running {site.left_running()}")
    check(not list((site.root / "system/slurm").iterdir()), "scancel: the job's directory is removed")


def node_loss(site):
    job = site.service()
    check(site.query("SELECT count(*) FROM kept") == "1000", "node loss: the table of the service before is there")
    launches = {p.name.split("-")[1] for p in site.ha.glob("master-*")}
    site.slurm.hosts.kill("h3")
    begin = time.time()
    check(until(site.serves, 30), f"node loss: the next answer after {time.time() - begin:.1f} s")
    check(site.slurm.state(job) == "RUNNING", "node loss: the job goes on")
    check({p.name.split("-")[1] for p in site.ha.glob("master-*")} == launches, "node loss: in the running world")
    check(until(lambda: site.slurm.states()["h3"] == "down", 60) and site.slurm.state(job) == "RUNNING" and site.query("SELECT sum(x) FROM kept") == "500500",
          f"node loss: and after Slurm has noticed: {site.slurm.states()}")
    check("h3" not in (site.connect("--tunnel") or "h3"), "node loss: the lost host is not offered to clients")
    site.end(job)
    site.slurm.hosts.boot("h3")
    site.slurm.start_node("h3")
    check(until(lambda: set(site.slurm.states().values()) == {"idle"}, 60), f"node loss: the host is back {site.slurm.states()}")


def requeue(site):
    job = site.service()
    site.slurm.call("scontrol", "requeue", job)
    check(until(lambda: site.slurm.field(job, "Restarts") == "1" and site.slurm.state(job) == "RUNNING" and site.serves(), 120), "requeue: the job serves again")
    check(site.query("SELECT sum(x) FROM kept") == "500500", "requeue: with its tables and users")
    site.end(job)


def time_limit(site):
    job = site.service(options=("--time=2", "--signal=B:USR1@95"))
    successor = None

    def handed_over():
        nonlocal successor
        found = re.search(r"job (\d+) is to take over", site.slurm.output(job))
        successor = int(found.group(1)) if found else None
        return successor is not None and site.slurm.state(job) == "COMPLETED"
    check(until(handed_over, 120), f"time limit: the job handed over and ended: {site.slurm.state(job)}, successor {successor}")
    check(until(site.serves, 60) and site.query("SELECT sum(x) FROM kept") == "500500", "time limit: clients reconnect to the successor and find everything")
    check("handed over to job" in site.slurm.output(job), "time limit: the first job says so")
    if successor:
        site.end(successor)


def batch_host_loss(site):
    job = site.service()
    batch_host, successor = site.slurm.field(job, "BatchHost"), None
    site.slurm.hosts.kill(batch_host)
    begin = time.time()
    check(until(site.serves, 30), f"batch host loss: the next answer after {time.time() - begin:.1f} s, from the running world")
    def taken_over():
        nonlocal successor
        successor = next((int(n) for n in re.findall(r"^job (\d+)$", (site.ha / "service").read_text(), re.M)), job)
        return successor != job and site.slurm.state(successor) == "RUNNING" and site.serves()
    check(until(taken_over, 90), f"batch host loss: a whole job takes over: {successor}")
    check(site.query("SELECT sum(x) FROM kept") == "500500", "batch host loss: with its tables")
    check(until(lambda: site.slurm.state(job) in ("CANCELLED", "COMPLETING"), 30), f"batch host loss: the job without a script ends: {site.slurm.state(job)}")
    site.end(successor)
    site.slurm.hosts.boot(batch_host)
    site.slurm.start_node(batch_host)


TESTS = {f.__name__: f for f in (batch, service, node_loss, requeue, time_limit, batch_host_loss)}


def main():
    reason = unavailable()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    directory = tempfile.mkdtemp(prefix="tajo-slurm-")
    site = Site(directory)
    try:
        for name in sys.argv[1:] or TESTS:
            begin = time.time()
            TESTS[name](site)
            print(f"       {name}: {time.time() - begin:.0f} s", flush=True)
    except BaseException:
        site.slurm.show_logs()
        raise
    finally:
        if failures:
            site.slurm.show_logs()
        site.slurm.close()
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{passed} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
