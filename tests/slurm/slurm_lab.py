"""A real Slurm over simulated hosts (tests/support/hosts.py): slurmd on h1…hN, slurmctld on one more host, munge; all of it
in a directory of the test's own, and ended with it. Needs root and Debian's slurm-wlm and munge; for proctrack/cgroup a
freezer of cgroup v1, of which each host gets a part."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hosts import Hosts, available, die_with_parent  # noqa: E402

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch")
READY_S = 60
# Until Slurm calls a silent node down. It asks all of them each third of it and counts no answer before the silent one's time
# (a message's) is over: were that as long, those that live would be called down too.
NODE_TIMEOUT_S, MESSAGE_TIMEOUT_S = 20, 5

CONFIGURATION = """ClusterName=tajotest
SlurmctldHost={controller}({controller_address})
AuthInfo=socket={directory}/munge/socket,cred_expire=10
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
ProctrackType=proctrack/{proctrack}
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout={node_timeout}
SlurmctldTimeout=30
BatchStartTimeout=10
MessageTimeout={message_timeout}
InactiveLimit=0
OverTimeLimit=0
SchedulerParameters=sched_interval=2,sched_min_interval=200000,requeue_setup_env_fail
MailProg=/bin/true
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool/%n
SlurmdPidFile={directory}/slurmd.%n.pid
SlurmctldPidFile={directory}/slurmctld.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd.%n.log
{nodes}
PartitionName=lab Nodes={node_list} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def unavailable():
    """Empty when a Slurm can be made here, else why not."""
    missing = [p for p in PROGRAMS if not shutil.which(p) and not pathlib.Path("/usr/sbin", p).exists()]
    return available() or (f"not installed: {', '.join(missing)} (slurm-wlm, munge)" if missing else "")


FREEZER = pathlib.Path("/sys/fs/cgroup/freezer")


def no_cgroup():
    """Empty when Slurm can track processes by cgroup here, else why not."""
    probe = FREEZER / f"tajo-probe-{os.getpid()}"
    if not FREEZER.is_dir():
        return f"{FREEZER} is not mounted (cgroup v1; a part of it for each simulated host is all this test knows)"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        return f"{FREEZER} cannot be used: {error}"
    return ""


class SlurmLab:
    """with SlurmLab(3, directory) as slurm: job = slurm.submit("script", …); slurm.wait(job)"""

    def __init__(self, nodes, directory, node_cpus=None, proctrack="linuxproc"):
        self.directory = pathlib.Path(directory) / "slurm"
        self.directory.mkdir(parents=True)
        self.hosts = Hosts(nodes + 1, pathlib.Path(directory) / "hosts")
        self.nodes, self.controller = self.hosts.names[:-1], self.hosts.names[-1]
        self.processes = []
        cpus = node_cpus or 4   # more than this machine has, if need be: what counts is who runs where
        for sub in ("state", "spool", "munge"):
            (self.directory / sub).mkdir()
        for node in self.nodes:
            (self.directory / "spool" / node).mkdir()
        self.conf = self.directory / "slurm.conf"
        self.proctrack = proctrack
        self.groups = FREEZER / f"tajo-{os.getpid()}"
        if proctrack == "cgroup":
            (self.directory / "cgroup.conf").write_text(f"CgroupPlugin=cgroup/v1\nCgroupMountpoint={self.hosts.local}/cgroup\n")
        self.conf.write_text(CONFIGURATION.format(
            proctrack=proctrack, controller=self.controller, controller_address=self.hosts.address(self.controller), directory=self.directory, node_timeout=NODE_TIMEOUT_S, message_timeout=MESSAGE_TIMEOUT_S,
            nodes="\n".join(f"NodeName={n} NodeAddr={self.hosts.address(n)} CPUs={cpus} RealMemory=1000" for n in self.nodes),
            node_list=",".join(self.nodes)))
        self.environment = {**os.environ, "SLURM_CONF": str(self.conf), "PATH": os.environ["PATH"] + ":/usr/sbin"}
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.show_logs()
        self.close()

    def _start(self):
        munge = self.directory / "munge"
        shutil.chown(munge, "munge", "munge")
        self.directory.chmod(0o755)
        self.directory.parent.chmod(0o755)
        munge.chmod(0o755)
        key = munge / "key"
        key.write_bytes(os.urandom(128))
        shutil.chown(key, "munge", "munge")
        key.chmod(0o400)
        self._spawn(["runuser", "-u", "munge", "--", "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={munge}/socket",
                     f"--pid-file={munge}/pid", f"--seed-file={munge}/seed", f"--log-file={munge}/log"], "munged")
        self._until((munge / "socket").exists, "munged")
        self._spawn([*self.hosts.enter(self.controller), "slurmctld", "-D", "-c", "-f", str(self.conf)], "slurmctld")
        for node in self.nodes:
            self.start_node(node)
        self._until(lambda: set(self.states().values()) == {"idle"}, "all nodes idle")

    def start_node(self, node):
        if self.proctrack == "cgroup":   # each host has a hierarchy of its own, a part of this machine's
            part = self.groups / node
            part.mkdir(parents=True, exist_ok=True)
            here = f"{self.hosts.local}/cgroup/freezer"
            self.hosts.run(node, ["sh", "-c", f"mkdir -p {here} && mount --bind {part} {here}"], check=True)
        self._spawn([*self.hosts.enter(node), "slurmd", "-D", "-f", str(self.conf), "-N", node], f"slurmd-{node}")

    def _spawn(self, command, name):
        out = open(self.directory / f"{name}.out", "a")
        self.processes.append(subprocess.Popen(command, env=self.environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                               preexec_fn=die_with_parent, start_new_session=True))

    def close(self):
        self.hosts.close()   # with every process on them
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for group in sorted((p for p in [self.groups, *self.groups.rglob("*")] if p.is_dir()), reverse=True):
            group.rmdir()   # deepest first

    def show_logs(self, lines=25):
        for log in sorted([*self.directory.glob("*.log"), *self.directory.glob("job-*")]):
            print(f"--- {log.name}", file=sys.stderr)
            print("\n".join(log.read_text(errors="replace").splitlines()[-lines:]), file=sys.stderr)

    def call(self, *command, check=True, environment=None):
        """A Slurm command on the controller's host; its standard output."""
        done = subprocess.run([*self.hosts.enter(self.controller), *[str(c) for c in command]], env={**self.environment, **(environment or {})},
                              capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
        return done.stdout

    def submit(self, script, *arguments, options=(), environment=None):
        """The job's number; its output goes to job-N.out of the directory."""
        text = self.call("sbatch", "--parsable", f"--output={self.directory}/job-%j.out", *options, script, *arguments, environment=environment)
        return int(text.strip().split(";")[0])

    def field(self, job, name):
        """A field of `scontrol show job`; of the newest step of its history."""
        for word in self.call("scontrol", "show", "job", job, "-o", check=False).split():
            if word.startswith(name + "="):
                return word.split("=", 1)[1]
        return ""

    def state(self, job):
        return self.field(job, "JobState")

    def wait(self, job, states=("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"), timeout_s=180):
        """Waits for one of the states; the state."""
        self._until(lambda: self.state(job) in states, f"job {job}: {states}", timeout_s)
        return self.state(job)

    def output(self, job):
        path = self.directory / f"job-{job}.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def states(self):
        """{node: idle, alloc, down…}"""
        lines = self.call("sinfo", "-h", "-N", "-o", "%N %T", check=False).splitlines()
        return {line.split()[0]: line.split()[1].rstrip("*") for line in lines}

    def _until(self, condition, what, timeout_s=READY_S):
        end = time.time() + timeout_s
        while not condition():
            if time.time() > end:
                raise RuntimeError(f"{what}: not within {timeout_s} s")
            time.sleep(0.2)
