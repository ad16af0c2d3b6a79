#!/usr/bin/env bash
# tests/run.sh [ctest options]: installs what the tests need, builds, runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."
launch/setup.sh build
launch/setup.sh tests
launch/build.sh release
cd build/release
exec ctest --output-on-failure "$@"
