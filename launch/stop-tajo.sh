#!/usr/bin/env bash
# launch/stop-tajo.sh [--config DIR]: stops the cluster of DIR; TERM, then KILL after TAJO_STOP_TIMEOUT (10) seconds.
set -euo pipefail
. "$(dirname "$0")/common.sh"
if [ ! -f "$pid_file" ]; then
  echo "no tajo to stop (no $pid_file)"
  exit 0
fi
pid=$(cat "$pid_file")
ranks() { pgrep -u "$(id -u)" -f "^$bin/tajod --config $config( |\$)" || true; }
for p in $(ranks); do kill -TERM "$p" 2>/dev/null || true; done
for _ in $(seq "$((${TAJO_STOP_TIMEOUT:-10} * 10))"); do
  [ -z "$(ranks)" ] && ! lives "$pid" && break
  sleep 0.1
done
for p in $(ranks); do kill -KILL "$p" 2>/dev/null || true; done
kill -KILL "$pid" 2>/dev/null || true
rm -f "$pid_file"
echo 'tajo stopped'
