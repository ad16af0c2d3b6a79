"""The first process of a simulated host (see hosts.py): makes the host's own mounts, reaps what is left to it, and runs
commands for whoever asks over TCP, as sshd would. host_init.py NAME ADDRESS HOSTS_FILE LOCAL_DIRECTORY FIRST_PROCESS READY_FILE"""
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import threading

AGENT_PORT = 2222


def run_command(peer, local):
    """One request: {"command": …} in a line; answers frames of (kind, length): 1 stdout, 2 stderr, 0 exit status."""
    request = json.loads(peer.makefile("r").readline())
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "TMPDIR": f"{local}/tmp"}
    process = subprocess.Popen(["sh", "-c", request["command"]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=environment, start_new_session=True)
    lock = threading.Lock()

    def frame(kind, data):
        with lock:
            try:
                peer.sendall(struct.pack("!BI", kind, len(data)) + data)
            except OSError:
                pass

    def pump(kind, pipe):
        while data := os.read(pipe.fileno(), 65536):
            frame(kind, data)

    pumps = [threading.Thread(target=pump, args=a, daemon=True) for a in ((1, process.stdout), (2, process.stderr))]
    for p in pumps:
        p.start()
    status = process.wait()
    for p in pumps:
        p.join(0.2)   # what it left in the background may hold the pipes for long
    frame(0, struct.pack("!i", status if status >= 0 else 128 - status))
    peer.close()


def serve(address, local):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, AGENT_PORT))
    listener.listen(64)
    yield
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=run_command, args=(peer, local), daemon=True).start()


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def main():
    name, address, hosts_file, local, first_process, ready = sys.argv[1:]
    mount("-t", "proc", "proc", "/proc")
    pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(first_process)
    mount("-t", "tmpfs", "tmpfs", "/dev/shm")
    mount("-t", "tmpfs", "tmpfs", local)
    mount("--bind", hosts_file, "/etc/hosts")
    socket.sethostname(name)
    os.mkdir(f"{local}/tmp")
    if os.fork() == 0:
        server = serve(address, local)
        next(server)
        pathlib.Path(ready).write_text("")
        next(server)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.pause()


if __name__ == "__main__":
    main()
