#!/usr/bin/env bash
# launch/stop-tajo.sh [--config DIR] [--drain]: stops the cluster of DIR on all its hosts, from any of them. The active ends the
# log with its last words; each rank's keeper ends it, TERM, then KILL after TAJO_STOP_TIMEOUT (10) seconds.
# With --drain what is asked waits, what runs may end for TAJO_SUPERVISE_DRAIN (10) seconds, and the next cluster on this
# root directory runs again what does not.
set -euo pipefail
. "$(dirname "$0")/common.sh"
read_plan
if [ -n "$here" ]; then   # for the other scripts: this host only, and at once
  end_ranks_here "$launch"
  [ -n "$launch" ] || end_launcher 10
  remove_sockets
  exit 0
fi
ranks() { pgrep -u "$(id -u)" -f "^$bin/tajod --config $config( |\$)" || true; }
supervisors() { local file; for file in "$TAJO_PLAN_HA_DIR"/supervisor-*; do [ -e "$file" ] && echo "$file"; done; return 0; }
if [ -z "$(supervisors)" ] && [ ! -f "$pid_file" ] && [ -z "$(present rank)$(present stopping)$(present master)$(ranks)" ]; then
  rm -f "$TAJO_PLAN_HA_DIR"/after-* 2>/dev/null || true
  echo "no tajo to stop (no $pid_file)"
  exit 0
fi
if [ -n "$drain" ]; then
  look
  if [ -n "$TAJO_STATE_ACTIVE" ]; then
    drain "$TAJO_STATE_LAUNCH"
    : > "$TAJO_PLAN_HA_DIR/requests/replace-$TAJO_STATE_LAUNCH"   # comes before a stop
  fi
fi
request_stop   # supervisors see it too, and start no other
kept=$(present rank)$(present stopping)
wait_for_ranks '' 50
for started in "$TAJO_PLAN_HA_DIR"/started-*; do   # where mpirun was started
  host=${started##*/started-}
  [ "$host" = '*' ] || [ "$host" = "$(hostname)" ] || case " $unheard " in *" $host "*) ;; *) unheard="$unheard $host" ;; esac
done
for host in $unheard; do
  if [ "$host" = "$(hostname)" ]; then end_ranks_here; continue; fi
  # shellcheck disable=SC2086
  timeout 8 $launch_agent "$host" "$(here_command)" >/dev/null 2>&1 </dev/null ||
    echo "stop-tajo.sh: host $host does not answer; what may still run there ends itself" >&2
done
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
for _ in $(seq 30); do
  [ -z "$(supervisors)" ] && break
  sleep 0.1
done
rm -f "$TAJO_PLAN_HA_DIR"/requests/* "$TAJO_PLAN_HA_DIR"/{master,after,supervisor,launcher,started}-* "$TAJO_PLAN_HA_DIR"/{workers,launch}
remove_sockets
echo 'tajo stopped'
[ -n "$drain" ] || exit 0
look
[ "$TAJO_STATE_ENDED" = 1 ] || echo 'the log has no last words, since no master could write them: the next start is to be start-tajo.sh --force, or a minute later'
