"""What a table of figures was measured on."""
import os
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def machine_and_commit():
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return f"Machine: {len(os.sched_getaffinity(0))} cores of {cpu}, load {os.getloadavg()[0]:.1f}; commit {commit or 'unknown'}"
