#!/usr/bin/env bash
# launch/stop-tajo.sh [--config DIR]: stops the cluster of DIR on all its hosts, from any of them. The active ends the log
# with its last words; each rank's keeper ends it, TERM, then KILL after TAJO_STOP_TIMEOUT (10) seconds.
set -euo pipefail
. "$(dirname "$0")/common.sh"
read_plan
ranks() { pgrep -u "$(id -u)" -f "^$bin/tajod --config $config( |\$)" || true; }
supervisor=$(cat "$supervisor_file" 2>/dev/null || true)
if [ -n "$supervisor" ]; then   # first: it would start another
  kill -TERM "$supervisor" 2>/dev/null || true
  rm -f "$supervisor_file"
fi
if [ ! -f "$pid_file" ] && [ -z "$(present rank)$(present stopping)$(present master)$(ranks)" ]; then
  rm -f "$TAJO_PLAN_HA_DIR"/after-* 2>/dev/null || true
  echo "no tajo to stop (no $pid_file)"
  exit 0
fi
request_stop
kept=$(present rank)$(present stopping)
wait_for_ranks '' 50
# Ranks that have no keeper: started by plain mpirun, or their keeper was killed.
if [ -n "$(ranks)" ]; then
  [ -z "$kept" ] && for p in $(ranks); do kill -TERM "$p" 2>/dev/null || true; done
  for _ in $(seq $((TAJO_STOP_TIMEOUT * 10))); do
    [ -z "$(ranks)" ] && break
    sleep 0.1
  done
  for p in $(ranks); do kill -KILL "$p" 2>/dev/null || true; done
fi
end_launcher 20
rm -f "$TAJO_PLAN_HA_DIR"/requests/stop* "$TAJO_PLAN_HA_DIR"/master-* "$TAJO_PLAN_HA_DIR"/after-*
rm -f "$TAJO_PID_DIR"/.s.PGSQL.*
echo 'tajo stopped'
