"""Fails on an #include that the table of rooms in docs/ARCHITECTURE.md does not allow, and on a foreign header outside
the room that owns it. Usage: include_direction.py PROJECT_ROOT"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
allowed = {}
for line in (root / "docs/ARCHITECTURE.md").read_text().splitlines():
    cells = [c.strip() for c in line.strip("|").split("|")]
    if len(cells) == 4 and cells[0].isdigit():
        for room in cells[1].split(","):
            deps = {d.strip() for d in cells[3].split(",") if d.strip()}
            allowed[room.strip(" `")] = deps | {"common", room.strip(" `")}
if len(allowed) < 15:
    sys.exit("docs/ARCHITECTURE.md: the table of rooms was not found")

owners = {"mpi.h": "mpi", "mpi-ext.h": "mpi", "boost/mpi": "mpi", "hdf5.h": "storage", "arrow/": "storage", "parquet/": "storage",
          "pg_query.h": "sql", "libpq-fe.h": "client", "cereal/": None}
cereal_files = re.compile(r"src/protocol/|src/(journal|catalog|cluster)/\w*_?records\.(cpp|hpp)$")
problems = []
for folder in ("include/tajo", "src"):
    for path in sorted((root / folder).rglob("*")):
        if path.suffix not in (".hpp", ".cpp"):
            continue
        name = path.relative_to(root).as_posix()
        room = path.relative_to(root / folder).parts[0]
        if room == "bin":
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if not match:
                continue
            target = match.group(1)
            own = re.match(r"tajo/(\w+)/", target)
            if own and own.group(1) not in allowed.get(room, set()):
                problems.append(f"{name}:{number}: room {room} may not include {target}")
            for prefix, owner in owners.items():
                if not target.startswith(prefix):
                    continue
                if prefix == "cereal/":
                    if not cereal_files.search(name):
                        problems.append(f"{name}:{number}: Cereal belongs to protocol and to *_records.cpp")
                elif room != owner:
                    problems.append(f"{name}:{number}: {target} belongs to room {owner}")
                elif folder == "include/tajo":
                    problems.append(f"{name}:{number}: no foreign header in a public door")
print("\n".join(problems) or f"{len(allowed)} rooms, every include is allowed")
sys.exit(bool(problems))
