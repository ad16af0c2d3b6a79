"""JDBC against a real cluster: Debian's pgjdbc runs tests/sql/jdbc/Driver.java, first with one master's address, then
with those of two masters (targetServerType)."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster  # noqa: E402

DRIVER = "/usr/share/java/postgresql.jar"
PROGRAM = pathlib.Path(__file__).resolve().parent / "jdbc" / "Driver.java"


def kill_under(cluster, hosts, active):
    """The driver says when it is connected; it goes on when the active is dead."""
    print(f"takeover: {hosts}", flush=True)
    cluster.query("CREATE DATABASE jdbc_takeover", active)
    java = subprocess.Popen(["java", "-cp", DRIVER, str(PROGRAM), hosts, "jdbc_takeover", "jdbc", "secret", "takeover"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert java.stdout.readline() == "kill\n"
        cluster.kill(cluster.active(active)[1])
        said, _ = java.communicate("\n", timeout=100)
        print(said, end="")
        assert java.returncode == 0, java.returncode
    finally:
        java.kill()
        java.wait()


def main():
    with Cluster(masters=2, workers=1) as cluster:
        cluster.query("CREATE USER jdbc PASSWORD 'secret'")
        addresses = [f"localhost:{port}" for port in cluster.ports]
        active = next(i for i, port in enumerate(cluster.ports)
                      if cluster.query(f"SELECT role FROM information_schema.cluster WHERE port = {port}") == [("active",)])
        alone = ["metadata", "prepared", "fetch", "copy", "cancel"]
        for name, hosts, checks in [("active", addresses[active], alone), ("backup", addresses[1 - active], alone),
                                    ("both", ",".join(addresses), ["hosts"])]:
            cluster.query(f"CREATE DATABASE jdbc_{name}")
            print(f"{name}: {hosts}", flush=True)
            subprocess.run(["java", "-cp", DRIVER, str(PROGRAM), hosts, f"jdbc_{name}", "jdbc", "secret", *checks], check=True, timeout=200)
        kill_under(cluster, ",".join(addresses), active)


if __name__ == "__main__":
    main()
