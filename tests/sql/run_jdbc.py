"""JDBC against a real cluster: Debian's pgjdbc runs tests/sql/jdbc/Driver.java, first with one master's address, then
with those of two masters (targetServerType)."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster  # noqa: E402

DRIVER = "/usr/share/java/postgresql.jar"
PROGRAM = pathlib.Path(__file__).resolve().parent / "jdbc" / "Driver.java"


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


if __name__ == "__main__":
    main()
