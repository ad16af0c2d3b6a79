"""A world is refused, with a clear line and without hanging, when its size is not the expected one or it has no fault
tolerance. start.py PROGRAM MPIRUN"""
import subprocess, sys

import job

program, mpirun = sys.argv[1:3]

def run(launcher, expected):
    done = subprocess.run(launcher + [program, str(expected)], env=job.ENVIRONMENT, capture_output=True, text=True, timeout=40)
    print(done.returncode, done.stdout, done.stderr[-400:])
    return done


plain, ulfm = job.command(mpirun, 2, ulfm=False), job.command(mpirun, 2)
good = run(ulfm, 2)
assert good.returncode == 0 and "rank 1 of 2" in good.stdout, "a fit world starts"
small = run(ulfm, 3)
assert small.returncode != 0 and "has 2 rank(s), the configuration asks for 3" in small.stdout, "wrong size"  # mpirun ends the slower rank
intolerant = run(plain, 2)
assert intolerant.returncode != 0 and "without fault tolerance" in intolerant.stdout, "no fault tolerance"
alone = run([], 2)
assert alone.returncode == 3 and "has 1 rank(s)" in alone.stdout and "another MPI" in alone.stdout, "started without mpirun"
