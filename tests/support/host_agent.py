"""Launch agent of simulated hosts, in ssh's place: host_agent.py HOST COMMAND… runs the command there (host_init.py)."""
import json
import os
import socket
import struct
import sys

AGENT_PORT = 2222
CONNECT_S = 10


def exactly(peer, count):
    data = b""
    while len(data) < count:
        part = peer.recv(count - len(data))
        if not part:
            sys.exit(255)
        data += part
    return data


def main():
    with socket.create_connection((sys.argv[1], AGENT_PORT), timeout=CONNECT_S) as peer:
        peer.settimeout(None)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer.sendall((json.dumps({"command": " ".join(sys.argv[2:])}) + "\n").encode())
        while True:
            kind, length = struct.unpack("!BI", exactly(peer, 5))
            data = exactly(peer, length)
            if kind == 0:
                sys.exit(min(255, struct.unpack("!i", data)[0]))
            os.write(kind, data)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        print(f"{sys.argv[1]}: {error}", file=sys.stderr)
        sys.exit(255)
