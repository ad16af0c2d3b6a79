"""After the start no rank may enter a blocking or collective MPI call: outside the bootstrap, src/mpi may use only
the calls listed here, nothing else of the program may use MPI at all. forbidden_calls.py SOURCE_DIRECTORY"""
import pathlib, re, sys

root = pathlib.Path(sys.argv[1])
ALLOWED = {"MPI_Send_init", "MPI_Start", "MPI_Irecv", "MPI_Testsome", "MPI_Get_count", "MPI_Request_free"}
BOOTSTRAP = "ulfm_bootstrap.cpp"
found, seen = [], set()
for path in sorted(p for d in ("src", "include") for p in (root / d).rglob("*") if p.suffix in (".cpp", ".hpp")):
    text = re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\])*\"", "", path.read_text(), flags=re.S)
    inside = path.parent == root / "src" / "mpi"
    if inside and path.name == BOOTSTRAP:
        continue
    includes = re.findall(r"#\s*include\s*<(mpi\.h|mpi-ext\.h|boost/mpi[^>]*)>", path.read_text())
    if includes and (not inside or not path.name.startswith("ulfm_") or any(i != "mpi.h" for i in includes)):
        found.append(f"{path}: includes {includes}")
    for call in re.findall(r"\b(P?MPIX?_[A-Z][a-z]\w*)\s*\(", text):
        seen.add(call)
        if call not in ALLOWED or not inside:
            found.append(f"{path}: {call}")
if not {"MPI_Start", "MPI_Testsome"} <= seen:
    found.append("the test does not find the transport's own calls")
if "ANY_SOURCE" in "".join(re.sub(r"//[^\n]*", "", p.read_text()) for p in (root / "src" / "mpi").glob("*.cpp")):
    found.append("a receive from ANY_SOURCE stalls streams between survivors across a failure")
print("\n".join(found) if found else f"only {sorted(seen)} after the start")
sys.exit(bool(found))
