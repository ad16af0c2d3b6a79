#!/usr/bin/env bash
# tests/sanitizers/run.sh asan|tsan [ctest options]: the tests meant for the preset, in a build of launch/build.sh. A test may
# pass although a process of it reported something (a rank that dies is what fault tests expect), so reports go to
# build/PRESET/reports, and one of them fails the run.
set -euo pipefail
cd "$(dirname "$0")/../.."
preset=${1:?asan or tsan}
shift
reports=build/$preset/reports
rm -rf "$reports"
mkdir -p "$reports"
status=0
ctest --preset "$preset" "$@" || status=$?
# The simulator's fibers tell AddressSanitizer of each switch; it warns of them all the same.
for report in "$reports"/*; do
  [ -e "$report" ] && ! grep -qv "ASan doesn't fully support makecontext/swapcontext" "$report" && rm "$report"
done
found=("$reports"/*)
if [ -e "${found[0]}" ]; then
  for report in "${found[@]}"; do printf -- '--- %s\n' "$report"; head -n 60 "$report"; done
  printf '%s report(s) in %s\n' "${#found[@]}" "$reports"
  exit 1
fi
exit "$status"
