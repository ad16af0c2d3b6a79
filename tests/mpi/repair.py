"""By hand: what shrink, agree and create_group do when a member hangs or dies (docs/decisions.md shows the output).
repair.py PROGRAM MPIRUN [RUNS]"""
import collections, os, re, signal, subprocess, sys

import job

PROGRAM, MPIRUN = sys.argv[1:3]
RUNS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
CASES = [("shrink", "dead"), ("shrink", "stopped"), ("shrink", "both"), ("shrink", "inside"),
         ("agree", "dead"), ("agree", "stopped"), ("agree", "both"), ("agree", "inside"),
         ("create_group", "dead"), ("create_group", "stopped"), ("create_group", "inside"), ("create_group", "gone")]
LIMIT_S = 12


def run(call, fault):
    """Ends of the call, one a rank that told one."""
    launcher = subprocess.Popen(job.command(MPIRUN, 6) + [PROGRAM, call, fault], env=job.ENVIRONMENT, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        out, _ = launcher.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        for rank in subprocess.run(["pgrep", "-f", f"^{re.escape(PROGRAM)} {call} {fault}$"], capture_output=True,
                                   text=True).stdout.split():
            os.kill(int(rank), signal.SIGKILL)
        os.killpg(launcher.pid, signal.SIGKILL)
        out, _ = launcher.communicate()
    return re.findall(r"rank \d: \w+ (still inside|returned)(?: after ([\d.]+) ms: (\S+))?", out or "")


print(f"{'call':<13} {'fault':<8} {'runs':>4}  survivors' ends")
for call, fault in CASES:
    ends, times = collections.Counter(), []
    for _ in range(RUNS):
        for how, ms, name in run(call, fault):
            ends["hangs" if how == "still inside" else name] += 1
            times += [float(ms)] if ms else []
    told = ", ".join(f"{name} {count}" for name, count in ends.most_common())
    span = f"  ({min(times):.1f}-{max(times):.1f} ms)" if times else ""
    print(f"{call:<13} {fault:<8} {RUNS:>4}  {told}{span}", flush=True)
