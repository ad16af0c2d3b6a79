"""A cluster over three simulated hosts: started from masters and workers by one command, queries across hosts, the active
killed, a host's cable cut, a host lost; every answer stays right and nothing is left afterwards."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import hosts  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

SKIPPED = 77
failures = passed = 0


def check(condition, text):
    global failures, passed
    failures += not condition
    passed += bool(condition)
    print(f"{'ok    ' if condition else 'FAILED'} {text}", flush=True)


JOIN = "SELECT count(*), sum(a.v) FROM t a JOIN t b ON a.k = b.k"


def main():
    if why := hosts.available():
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
    with Cluster(masters=3, workers=3, hosts=3, settings={"tajo.cluster.network": hosts.NETWORK + ".0/24"}) as cluster:
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
    print(f"{passed} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
