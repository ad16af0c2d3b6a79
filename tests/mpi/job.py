"""How the tests start an MPI job on this machine. Also a program: job.py MPIRUN RANKS PROGRAM ARGS..."""
import os, pathlib, socket, subprocess, sys

ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   PRTE_ALLOW_RUN_AS_ROOT="1", PRTE_ALLOW_RUN_AS_ROOT_CONFIRM="1")
LAUNCH = pathlib.Path(__file__).resolve().parents[2] / "launch"


def only_loopback():
    """Open MPI must be told to use lo, and may only be told where there is nothing else."""
    return all(name == "lo" or not up(name) for _, name in socket.if_nameindex())


def up(name):
    try:
        return open(f"/sys/class/net/{name}/operstate").read().strip() == "up"
    except OSError:
        return False


def command(mpirun, ranks, btl="self,sm,tcp", ulfm=True):
    out = [str(LAUNCH / "become-mpirun.sh"), mpirun] + (["--with-ft", "ulfm"] if ulfm else [])
    out += ["--bind-to", "none", "--oversubscribe", "--mca", "coll", "^han", "--mca", "btl", btl,
            "--mca", "btl_tcp_if_include", "lo", "--mca", "mpi_add_procs_cutoff", "65536"]
    if only_loopback():
        out += ["--prtemca", "prte_if_include", "lo"]
    return out + ["-n", str(ranks)]


if __name__ == "__main__":
    sys.exit(subprocess.run(command(sys.argv[1], int(sys.argv[2])) + sys.argv[3:], env=ENVIRONMENT).returncode)
