#!/usr/bin/env bash
# launch/build.sh [PRESET] [TARGET…]: configures and builds into build/PRESET (default release).
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
shift || true
if [ ! -f "build/$preset/build.ninja" ]; then cmake --preset "$preset" >"/tmp/tajo-configure.$$" 2>&1 || { cat "/tmp/tajo-configure.$$"; exit 1; }; rm -f "/tmp/tajo-configure.$$"; fi
exec ninja -C "build/$preset" "$@"
