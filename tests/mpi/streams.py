"""Streams between all ranks of one MPI job while some are killed or stopped: exactly once, in order, unchanged
between the survivors.
  streams.py PROGRAM MPIRUN RANKS SCENARIO SEED [BTL] [MAX_BYTES]
SCENARIO: calm, kill (one rank), kills (up to N - 2, half of the runs at once), stop (0.7 s), stops (2.5 s, twice),
mixed (kills and a stop at once), launcher (mpirun itself; the ranks go on)."""
import os, random, shutil, signal, subprocess, sys, tempfile, time

import job as mpi_job

program, mpirun, ranks, scenario, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
btl = sys.argv[6] if len(sys.argv) > 6 else "self,sm,tcp"
max_bytes = sys.argv[7] if len(sys.argv) > 7 else "3000000"
SECONDS = 3.0
rng = random.Random(f"{scenario}/{seed}")
out = tempfile.mkdtemp(prefix="tajo-streams-")
command = mpi_job.command(mpirun, ranks, btl)
if scenario == "launcher":
    command += ["setsid", "--fork", "--wait"]  # in a session of their own, a front process stays for the launcher
job = subprocess.Popen(command + [program, out, str(SECONDS), str(seed), max_bytes] + (["outlive"] if scenario == "launcher" else []),
                       env=mpi_job.ENVIRONMENT, start_new_session=True)
pids = {}
deadline = time.time() + 60
while len(pids) < ranks:
    if time.time() > deadline or (job.poll() is not None and scenario != "launcher"):
        sys.exit("the world did not start")
    for r in range(ranks):
        try:
            text = open(f"{out}/pid{r}").read()
            if text:
                pids[r] = int(text)
        except OSError:
            pass
    time.sleep(0.02)
start = time.time()
order = list(range(ranks))
rng.shuffle(order)
events = []  # (time, pid, signal)
dead = []
if scenario in ("kill", "kills", "mixed"):
    dead = order[:1 if scenario == "kill" else rng.randint(1, ranks - 2)]
    times = [SECONDS * rng.uniform(0.1, 0.9) for _ in dead]
    if rng.random() < 0.5:
        times = [times[0] + rng.uniform(0, 0.01) for _ in dead]
    events += [(t, pids[r], signal.SIGKILL) for t, r in zip(times, dead)]
if scenario in ("stop", "mixed"):
    at = events[0][0] if events else SECONDS * rng.uniform(0.1, 0.7)
    events += [(at, pids[order[-1]], signal.SIGSTOP), (at + 0.7, pids[order[-1]], signal.SIGCONT)]
if scenario == "stops":
    for r in order[:2]:
        at = SECONDS * rng.uniform(0.1, 0.4)
        events += [(at, pids[r], signal.SIGSTOP), (at + 2.5, pids[r], signal.SIGCONT)]
if scenario == "launcher":
    events.append((SECONDS * rng.uniform(0.1, 0.9), job.pid, signal.SIGKILL))
for at, pid, sig in sorted(events):
    time.sleep(max(0, start + at - time.time()))
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


survivors = [r for r in range(ranks) if r not in dead]
deadline = time.time() + SECONDS + 40
while time.time() < deadline and any(alive(pids[r]) for r in survivors):
    time.sleep(0.05)
problems = []
for r in survivors:
    if alive(pids[r]):
        problems.append(f"rank {r} did not end")
        os.kill(pids[r], signal.SIGKILL)
try:
    job.wait(timeout=20)
except subprocess.TimeoutExpired:
    problems.append("mpirun did not end")
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
counters, table = {}, {}
for r in survivors:
    try:
        lines = open(f"{out}/rank{r}").read().splitlines()
    except OSError:
        problems.append(f"rank {r} left no result")
        continue
    words = lines[0].split()
    counters[r] = dict(zip(words[::2], map(int, words[1::2])))
    table[r] = [list(map(int, line.split())) for line in lines[1:]]
messages = 0
for i in table:
    if counters[i]["bad"]:
        problems.append(f"rank {i} got {counters[i]['bad']} wrong messages")
    for j in table:
        sent, received = table[i][j][2:5], table[j][i][5:8]
        messages += sum(received)
        if sent != received:
            problems.append(f"{i} -> {j}: sent {sent} (suspected: {table[i][j][1]}), received {received}")
total = {k: sum(c[k] for c in counters.values()) for k in next(iter(counters.values()), {})}
print(f"{scenario} seed {seed} ranks {ranks} btl {btl}: {len(survivors)} survivors, {messages} messages, {total}")
shutil.rmtree(out, ignore_errors=True)
if scenario == "launcher":  # which could not remove its directory
    subprocess.run([mpi_job.LAUNCH / "forget-launcher.sh", str(job.pid)], check=True)
if problems or messages == 0:
    sys.exit("\n".join(problems) or "no messages")
