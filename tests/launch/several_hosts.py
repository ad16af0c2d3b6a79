"""A cluster over three simulated hosts: started from masters and workers by one command, queries across hosts, the active
killed, a host's cable cut, a host's workers taken out of service and back; every answer stays right. Before it, starts that
cannot work: a host that is down, a root directory that a host does not see."""
import pathlib
import shutil
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / name) for name in ("support", "admin")]
import hosts  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402
from load import Load  # noqa: E402
from report import Report  # noqa: E402

SKIPPED = 77
report = Report()
check = report.check


SETTINGS = {"tajo.cluster.network": hosts.NETWORK + ".0/24"}
JOIN = "SELECT count(*), sum(a.v) FROM t a JOIN t b ON a.k = b.k"


def refused(name, *wanted, change):
    """One line, before anything is started."""
    cluster = Cluster(masters=2, workers=3, hosts=3, settings=SETTINGS)
    try:
        change(cluster)
        done = cluster.script("start-tajo.sh")
        error = done.stderr.strip()
        check(done.returncode != 0 and len(error.splitlines()) == 1 and all(w in error for w in wanted), f"{name}: {error}")
        left = {h: cluster.hosts.processes(h) for h in cluster.hosts.names if cluster.hosts.alive(h)}
        check(not any(left.values()) and not (cluster.root / "system/log").exists(), f"{name}: nothing was started {left}")
    finally:
        cluster.hosts.close()
        shutil.rmtree(cluster.directory, ignore_errors=True)


def not_shared(cluster):
    """As if it were h2's own disk."""
    cluster.root.mkdir()
    cluster.hosts.run("h2", ["mount", "-t", "tmpfs", "tmpfs", str(cluster.root)], check=True)


def web_pages(cluster):
    """Each on its own host's loopback: passwords do not travel in plain HTTP unless somebody wants it."""
    page = "import urllib.request; print(urllib.request.urlopen('http://%s:%d/', timeout=5).status)"
    for host, port in zip(cluster.master_hosts, cluster.web_ports):
        here = cluster.hosts.run(host, [sys.executable, "-c", page % ("localhost", port)], capture_output=True, text=True)
        there = cluster.hosts.run("h3" if host != "h3" else "h1", [sys.executable, "-c", page % (host, port)], capture_output=True, text=True)
        check(here.stdout == "200\n" and "refused" in there.stderr, f"the web page of {host}: {here.stdout.strip()} there, {there.stderr.strip()[-40:]} elsewhere")


def decommission(cluster):
    """By a host's name, while queries run."""
    load = Load(cluster, 2)
    load.start()

    def admin(*words):
        done = cluster.tool("tajo", "admin", "-h", cluster.environment["TAJO_PID_DIR"], "-p", str(cluster.ports[2]), *words, host="h3")
        return (done.stdout or done.stderr).strip()

    def on(host):
        return [(role, status) for at, role, status in cluster.query("SELECT host, role, status FROM information_schema.cluster", 2) if at == host and role not in ("active", "backup")]
    text = admin("-decommission", "h2")
    check(text == "h2 is decommissioned." and on("h2") == [("spare", "DECOMMISSIONED")], f"h2's worker leaves: {text} {on('h2')}")
    answered = load.answers
    check(wait_until(lambda: load.answers > answered + 3, 30), "queries go on without it")
    text = admin("-recommission", "h2")
    check(text == "h2 is recommissioned." and wait_until(lambda: on("h2") == [("worker", "RUNNING")], 30), f"and comes back: {text} {on('h2')}")
    load.end()
    check(not load.problems and load.answers > 0, f"{load.answers} answers meanwhile, all right: {load.problems[:2]}")


def main():
    if why := hosts.available():
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
    refused("a host that is down", "workers:3: host h3 does not answer", change=lambda c: c.hosts.kill("h3"))
    refused("a root directory of a host's own", "tajo-site.xml: tajo.rootdir", "is not seen on h2", change=not_shared)
    with Cluster(masters=3, workers=3, hosts=3, settings=SETTINGS) as cluster:
        web_pages(cluster)
        places = cluster.places()
        on = {h: sorted(role == "worker" for host, _, role in places.values() if host == h) for h in ("h1", "h2", "h3")}
        check(all(of == [False, True] for of in on.values()), f"ranks lie where masters and workers say: {places}")
        cluster.query("CREATE TABLE t (k int8, v int8)")
        cluster.query("INSERT INTO t SELECT i, i % 7 FROM generate_series(1, 100000) AS g(i)")
        expected = cluster.query(JOIN)
        check(expected == [(100000, sum(i % 7 for i in range(1, 100001)))], "a join over three hosts")
        client = cluster.connect(2)
        work = client.cursor()

        def ask(text):
            begin = time.time()
            work.execute(JOIN)
            check(work.fetchall() == expected, f"{text}: the same answer after {1000 * (time.time() - begin):.0f} ms")

        rank, pid, active = cluster.active(2)
        cluster.kill(pid, host=cluster.master_hosts[active])
        ask("the active on another host killed")
        check(cluster.active(2)[0] != rank, "another master is active")
        for way in ("in", "out", "both"):
            _, _, active = cluster.active(2)
            victim = "h1" if cluster.master_hosts[active] != "h1" else "h2"
            cluster.hosts.cut(victim, way)
            ask(f"{victim} cut off ({way})")
            cluster.hosts.heal(victim)
            check(wait_until(lambda: sum(role == "worker" for _, _, role in cluster.places(2).values()) == 3, 30),
                  f"{victim}'s worker is admitted again")
        work.execute("INSERT INTO t SELECT i, 1 FROM generate_series(1, 1000) AS g(i)")
        work.execute("SELECT count(*), sum(v) FROM t")
        check(work.fetchall() == [(101000, expected[0][1] + 1000)], "writes go on")
        cluster.query("CREATE TABLE facts (k BIGINT, v BIGINT)", 2)
        cluster.query("INSERT INTO facts SELECT i, i * 7 FROM generate_series(1, 300000) AS g(i)", 2)
        decommission(cluster)
    report.end()


if __name__ == "__main__":
    main()
