"""The scripts of slurm/ under a real Slurm over simulated hosts (slurm_site.py). slurm_jobs.py [TEST…]; without arguments
all. Status 77 (skipped) where no Slurm can be made."""
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time

from slurm_lab import no_cgroup, unavailable
from slurm_site import BATCH, LAUNCHERS, ROOT, SERVICE, Load, Shell, Site, until


def batch(site):
    check, slurm = site.check, site.slurm
    doctor = slurm.submit(ROOT / "slurm/tajo-doctor.sbatch", environment=site.environment)
    sql = site.directory / "script.sql"
    sql.write_text("CREATE TABLE squares AS SELECT x, x * x AS y FROM generate_series(1, 1000) AS g(x);\n"
                   "SELECT count(*), sum(y) FROM squares;\nSELECT count(*), count(DISTINCT host) FROM information_schema.cluster;\n")
    check(slurm.wait(doctor) == "COMPLETED" and "2 host(s)" in slurm.output(doctor) and "each with one winner" in slurm.output(doctor),
          f"doctor: as a job:\n{slurm.output(doctor)}")
    job = site.submit(BATCH, sql)
    state = slurm.wait(job)
    text = slurm.output(job)
    check(state == "COMPLETED" and "1000,  333833500" in text, f"batch: {state}, the answer is in its output")
    check("\n6,  3\n" in text, "batch: a master and a worker on each of three hosts")
    site.nothing_left("batch")
    sql.write_text("SELECT count(*) FROM squares;\nSELECT * FROM nowhere;\n")
    job = site.submit(BATCH, sql)
    state = slurm.wait(job)
    code = slurm.field(job, "ExitCode")
    check(state == "FAILED" and code != "0:0" and "nowhere" in slurm.output(job), f"batch: a statement that fails is the job's status: {state} {code}")
    check("\n1000\n" in slurm.output(job), "batch: the table of the job before is there")
    job = site.submit(BATCH, "/nowhere.sql")
    state = slurm.wait(job)
    check(state == "FAILED" and "/nowhere.sql" in slurm.output(job), f"batch: a missing file is said: {slurm.output(job).strip().splitlines()[-1:]}")


def service(site):
    check, slurm = site.check, site.slurm
    said = site.connect("-c", "SELECT 1")
    check(said is None and "no service runs on" in site.last_error, f"service: tajo-connect without one: {site.last_error[-120:]}")
    job = site.service()
    check(site.query("SELECT count(*) FROM kept") == "1000", "service: tajo-connect with a password over TCP")
    tunnel = site.connect("--tunnel") or ""
    found = re.match(r"ssh -N -L 26002:(h[123]):26002 (\S+)\nssh -N -J (\S+) -L 26080:localhost:26080 \S+@(h[123])\n", tunnel)
    check(found is not None and found[1] == found[4] and found[2] == found[3], f"service: the tunnel's lines: {tunnel.strip().splitlines()[:2]}")
    page = "import urllib.request; print(urllib.request.urlopen('http://%s:26080/', timeout=5).status)"
    here, there = (site.hosts.run(found[4], [sys.executable, "-c", page % name], capture_output=True, text=True) for name in ("localhost", found[4]))
    check(here.stdout == "200\n" and "refused" in there.stderr, f"service: the web page answers on its host's loopback only: {here.stdout.strip()} {there.stderr.strip()[-60:]}")
    second = site.submit(SERVICE)
    check(slurm.wait(second) == "FAILED" and "answers at" in slurm.output(second), "service: a second one on the same root directory is refused")
    check(site.serves(), "service: the first one goes on")
    without_launcher(site, job)
    site.end(job)
    check(slurm.state(job) == "CANCELLED", f"scancel: {slurm.state(job)} {slurm.field(job, 'ExitCode')}")
    site.nothing_left("scancel")
    site.ended_well("scancel")


def without_launcher(site, job):
    """Each rank has a step of its own: the launcher's steps end, and the ranks do not notice."""
    check, slurm = site.check, site.slurm
    ranks, launchers = site.steps("tajod"), site.steps(*LAUNCHERS)
    check(len(ranks) == 6 and len(set(ranks.values())) == 6, f"{slurm.proctrack}: six ranks, each in a step of its own: {sorted(ranks.values())}")
    check({h for h, _ in launchers} == {"h1", "h2", "h3"} and not set(launchers.values()) & set(ranks.values()),
          f"{slurm.proctrack}: the launcher is in other steps: {sorted(set(launchers.values()))}")
    clients = site.ranks_sruns()
    for host, pid in clients:   # what Slurm may do first of all when it ends a step; a second process of srun would end the rank's
        site.hosts.run(host, ["kill", "-KILL", str(pid)])
    time.sleep(1)
    check(len(clients) == 6 and site.steps("tajod") == ranks, f"{slurm.proctrack}: the sruns that have started the ranks are killed, the ranks are not: {len(clients)}")
    for step in set(launchers.values()) - {"batch"}:
        slurm.call("scancel", "--signal=KILL", f"{job}.{step}", check=False)
    for (host, pid), step in launchers.items():
        if step == "batch":
            site.hosts.run(host, ["kill", "-KILL", str(pid)])
    check(until(lambda: not site.steps(*LAUNCHERS), 20), f"{slurm.proctrack}: the launcher's steps are ended {site.steps(*LAUNCHERS)}")
    time.sleep(2)
    check(site.steps("tajod") == ranks and site.keeps(), f"{slurm.proctrack}: its ranks live on and answer")


def cgroup(site):
    """Slurm tracks a step's processes by cgroup and ends them all with it, however they hide."""
    job = site.service()
    without_launcher(site, job)
    site.end(job)
    site.nothing_left("cgroup: scancel")
    site.ended_well("cgroup: scancel")


def scancel(site):
    """Of jobs at every stage; a job after it starts at once, without being told to replace anything."""
    check, slurm = site.check, site.slurm
    sql = site.directory / "long.sql"
    sql.write_text("CREATE TABLE IF NOT EXISTS before AS SELECT x FROM generate_series(1, 10) AS g(x);\nSELECT count(*) FROM generate_series(1, 1000000) AS a(x), generate_series(1, 1000000) AS b(y) WHERE a.x * 7 % 11 = b.y % 5;\n")
    job = site.submit(BATCH, sql)
    check(until(lambda: (site.root / "warehouse/default/before").exists() and site.processes("tsql"), 90), "scancel: a batch job runs its statements")
    slurm.call("scancel", job)
    check(slurm.wait(job) == "CANCELLED", f"scancel: of a batch job in the middle of a statement: {slurm.state(job)} {slurm.field(job, 'ExitCode')}")
    site.nothing_left("scancel: batch")
    site.ended_well("scancel: batch")
    for script, arguments, after_s in (*((BATCH, [sql], s) for s in (0.3, 0.4, 0.5, 0.6)), (SERVICE, [], 2)):
        job = site.submit(script, *arguments)
        slurm.wait(job, ("RUNNING",))
        time.sleep(after_s)
        slurm.call("scancel", job)
        slurm.wait(job)
        check(slurm.state(job) == "CANCELLED", f"scancel: {script.name}, {after_s} s after its start: {slurm.state(job)} {slurm.field(job, 'ExitCode')}")
        until(lambda: not site.processes(), 30)
        site.nothing_left(f"scancel: {script.name} while it starts, after {after_s} s")
    sql.write_text("SELECT sum(x) FROM before;\n")
    job = site.submit(BATCH, sql)
    check(slurm.wait(job) == "COMPLETED" and "\n55\n" in slurm.output(job), f"scancel: the next job starts at once and finds the table {slurm.output(job)}")


def node_loss(site):
    check, slurm = site.check, site.slurm
    job = site.service()
    launches = site.launches()
    site.hosts.kill("h3")
    begin = time.time()
    check(until(site.serves, 30), f"node loss: the next answer after {time.time() - begin:.1f} s")
    check(slurm.state(job) == "RUNNING", "node loss: the job goes on")
    check(site.launches() == launches, "node loss: in the running world")
    check(until(lambda: slurm.states()["h3"] == "down", 60) and slurm.state(job) == "RUNNING" and site.keeps(), f"node loss: and after Slurm has noticed: {slurm.states()}")
    check("h3" not in (site.connect("--tunnel") or "h3"), "node loss: the lost host is not offered to clients")
    relaunch(site, job)
    site.end(job)
    site.nothing_left("node loss: scancel")


def relaunch(site, job):
    """h3 is lost, and now every rank and launcher dies on the other hosts at once."""
    check, slurm = site.check, site.slurm
    before = site.launches()
    for host in ("h1", "h2"):
        site.hosts.run(host, ["pkill", "-KILL", "tajod|prte"])
    begin = time.time()
    check(until(site.serves, 60), f"relaunch: the next answer after {time.time() - begin:.1f} s")
    check(site.keeps() and slurm.state(job) == "RUNNING" and not site.launches() & before, f"relaunch: another world in the same job, with the tables: {site.launches()}")
    ranks, launchers = site.steps("tajod"), site.steps(*LAUNCHERS)
    told = site.environment_of("slurm_script").get("SLURM_JOB_NODELIST")
    check({h for h, _ in ranks} == {"h1", "h2"} and told == "h[1-3]", f"relaunch: on the hosts that live, by name: {sorted(h for h, _ in ranks)}; the job was told {told}")
    check(len(set(ranks.values())) == len(ranks) and not set(launchers.values()) & set(ranks.values()), f"relaunch: each rank in a step of its own again: {sorted(ranks.values())}")


def requeue(site):
    job = site.service()
    site.slurm.call("scontrol", "requeue", job)
    site.check(until(lambda: site.slurm.field(job, "Restarts") == "1" and site.slurm.state(job) == "RUNNING" and site.serves(), 120), "requeue: the job serves again")
    site.check(site.keeps(), "requeue: with its tables and users")
    site.end(job)


def requeue_host_loss(site):
    """Of a job of one host: Slurm itself brings it back, on another."""
    check, slurm = site.check, site.slurm
    job = site.service(options=("--nodes=1",))
    batch_host = slurm.field(job, "BatchHost")
    site.hosts.kill(batch_host)
    check(until(lambda: slurm.field(job, "Restarts") == "1", 60), f"requeue: {batch_host} was lost, and Slurm requeues the job: {slurm.state(job)}")
    check(until(lambda: slurm.state(job) == "RUNNING" and site.serves(), 150) and slurm.field(job, "BatchHost") != batch_host,
          f"requeue: it serves again on {slurm.field(job, 'BatchHost')}")
    check(site.keeps() and site.query("SELECT count(*) FROM information_schema.queries WHERE sql LIKE 'CREATE TABLE kept%'") == "1", "requeue: with its tables, users and history")
    site.end(job)
    site.nothing_left("requeue: scancel")


def successor_of(site, job):
    found = re.search(r"job (\d+) is to take over", site.slurm.output(job))
    return int(found.group(1)) if found else None


def time_limit(site):
    check, slurm = site.check, site.slurm
    job = site.service(options=("--time=1", "--signal=B:USR1@40"), TAJO_SLURM_STOP_S="5", TAJO_SUPERVISE_DRAIN="1", TAJO_SLURM_SBATCH="--time=10")
    shell, load = Shell(site), Load(site)
    check(until(lambda: slurm.state(job) == "COMPLETED", 90), f"time limit: the job ended by itself: {slurm.state(job)} {slurm.field(job, 'ExitCode')}")
    successor = successor_of(site, job)
    check("handed over to job" in slurm.output(job) and successor is not None and site.served_by() == successor, f"time limit: it handed over: job {successor}")
    check(site.serves() and site.keeps(), "time limit: clients find everything at the successor")
    load.check_all_counted("time limit")
    check(shell.keeps_its_session(), "time limit: a client that was connected goes on in its session")
    site.end(successor or job)
    site.nothing_left("time limit: scancel")


def no_room(site):
    """The successor waits in a full queue: the service stops in good order in time, and goes on when there is room."""
    check, slurm = site.check, site.slurm
    job = site.service(options=("--time=1", "--signal=B:USR1@40"), TAJO_SLURM_STOP_S="15")
    # Others hold the free cores, and one more waits for those of the service.
    others = [slurm.submit(ROOT / "tests/slurm/other-user", options=("--nodes=3", f"--ntasks-per-node={n}")) for n in (3, 1)]
    slurm.wait(others[0], ("RUNNING",))
    check(until(lambda: slurm.state(job) == "COMPLETED", 90), f"no room: the job ended by itself, before its time was over: {slurm.state(job)} {slurm.field(job, 'ExitCode')}")
    successor = successor_of(site, job)
    check(f"job {successor} has not started yet" in slurm.output(job) and slurm.state(successor) == "PENDING", f"no room: it says so: {slurm.output(job).splitlines()[-2:]}")
    site.ended_well("no room")
    check(until(lambda: not site.processes(), 20), f"no room: nothing is left running {site.processes()}")
    check(site.connect("-c", "SELECT 1") is None and f"waits in the queue: job {successor} (" in site.last_error,
          f"no room: what a user sees: {site.last_error.splitlines()[-1:]}")
    slurm.call("scancel", *others)
    check(until(site.serves, 60) and site.served_by() == successor and site.keeps(), "no room: the successor starts when there is room, and goes on from the log")
    site.end(successor)


def batch_host_loss(site):
    check, slurm = site.check, site.slurm
    job = site.service()
    batch_host, shell = slurm.field(job, "BatchHost"), Shell(site)
    site.hosts.kill(batch_host)
    begin = time.time()
    check(until(site.serves, 30), f"batch host loss: the next answer after {time.time() - begin:.1f} s, from the running world")
    check(until(lambda: site.served_by() != job and slurm.state(site.served_by()) == "RUNNING", 90), f"batch host loss: a whole job takes over: {site.served_by()}")
    successor = site.served_by()
    check(until(site.serves, 60) and site.keeps(), "batch host loss: with its tables")
    check(site.query("SELECT count(*) FROM information_schema.queries WHERE sql LIKE 'CREATE TABLE kept%'") == "1", "batch host loss: and its history")
    check(shell.keeps_its_session(), "batch host loss: a client that was connected goes on in its session")
    check(until(lambda: slurm.state(job) in ("CANCELLED", "COMPLETING"), 30), f"batch host loss: the job without a script ends: {slurm.state(job)}")
    time.sleep(3)
    check(site.served_by() == successor and site.serves() and site.launches() == {f"job{successor}.0"}, f"batch host loss: and nobody replaces the successor's world: {site.launches()}")
    site.end(successor)
    site.nothing_left("batch host loss: scancel")


TESTS = {f.__name__: f for f in (batch, service, cgroup, scancel, node_loss, requeue, requeue_host_loss, time_limit, no_room, batch_host_loss)}


def run(name):
    """False when a check failed."""
    begin = time.time()
    directory = tempfile.mkdtemp(prefix="tajo-slurm-")
    site = Site(directory, proctrack="cgroup" if name == "cgroup" else "linuxproc")
    try:
        TESTS[name](site)
    except BaseException:
        site.failed += 1
        site.show()
        raise
    finally:
        if site.failed:
            site.show()
        site.slurm.close()
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{name}: {site.passed} passed, {site.failed} failed, {time.time() - begin:.0f} s", flush=True)
    return not site.failed


def main():
    names = sys.argv[1:] or list(TESTS)
    reason = unavailable() or (names == ["cgroup"] and no_cgroup())
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    if no_cgroup() and "cgroup" in names:
        print(f"left out: cgroup: {no_cgroup()}")
        names.remove("cgroup")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(0 if all([run(name) for name in names]) else 1)


if __name__ == "__main__":
    main()
