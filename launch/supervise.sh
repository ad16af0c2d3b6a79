#!/usr/bin/env bash
# launch/supervise.sh [--config DIR] [--launch NAME]: watches the running cluster and starts another in its place when no
# master serves or no worker is left, on the hosts that answer within a second, with a world sized to them; the new world
# claims the log, replays it and re-runs what was running. Also when requests/resize asks for another number of workers,
# and, after an idle minute, when places are lost that the hosts could fill again. It looks at what the masters publish
# and at the log, never at mpirun. Several may run, on different hosts: a link in the root directory decides who acts.
# Before a planned relaunch new statements wait, and what runs may end for TAJO_SUPERVISE_DRAIN (10) seconds.
# Ends with the cluster's stop. TAJO_SUPERVISE_IDLE (60 s), TAJO_HOST_PROBE (COMMAND HOST: 0 when the host can be used).
set -euo pipefail
. "$(dirname "$0")/common.sh"
read_plan
all_hosts=$TAJO_PLAN_HOSTS
ha=$TAJO_PLAN_HA_DIR
look_s=0.2
idle_limit=${TAJO_SUPERVISE_IDLE:-60}
retry_s=1
make_pid_dir
mkdir -p "$ha/requests"
echo $$ > "$supervisor_file"
mark=$ha/supervisor-$(hostname)-$$
printf 'host %s\npid %s\n' "$(hostname)" $$ > "$mark"
trap 'trap "" TERM INT; rm -f "$mark"; [ "$(cat "$supervisor_file" 2>/dev/null)" != $$ ] || rm -f "$supervisor_file"' EXIT
trap 'trap "" TERM INT; exit 0' TERM INT   # a second signal (the guard's after Slurm's) would end the trap above

# Which of all hosts answer within $1 seconds, in their order, with commas.
answering_hosts() {
  local host found list=
  found=$(for host in $all_hosts; do (answers "$host" "$1" && echo " $host ") & done; wait)
  for host in $all_hosts; do case $found in *" $host "*) list=${list:+$list,}$host ;; esac; done
  echo "$list"
}
answers() {
  if is_here "$1"; then return 0; fi
  # shellcheck disable=SC2086
  if [ -n "${TAJO_HOST_PROBE:-}" ]; then timeout "$2" $TAJO_HOST_PROBE "$1" >/dev/null 2>&1 </dev/null; else
    timeout "$2" $launch_agent "$1" true >/dev/null 2>&1 </dev/null
  fi
}
planned_ranks() {   # on hosts $1
  local part sum=0
  for part in $(hosts=$1; read_plan; echo "$TAJO_PLAN_RANKS"); do sum=$((sum + ${part##*:})); done
  echo $sum
}

# Ends at once what is left on $hosts of launch $1.
end_old() {
  local host
  end_ranks_here "$1" &
  for host in ${hosts//,/ }; do
    if is_here "$host"; then continue; fi
    # shellcheck disable=SC2086
    timeout 3 $launch_agent "$host" "$(here_command "$1")" >/dev/null 2>&1 </dev/null &
  done
  wait
}

# Replaces the launch, if no other supervisor does; $2: planned, for a world that serves; gone: nobody listens any more.
relaunch() {
  local next
  if [ "$(current_launch)" != "$launch" ]; then
    [ ! -L "$ha/after-$launch" ] || return 0   # another supervisor is ahead: followed
    say "another cluster was started or stopped meanwhile: $launch is history"
    exit 0
  fi
  next=$(date +%Y%m%d.%H%M%S).$$
  ln -sT "$next" "$ha/after-$launch" 2>/dev/null || return 0
  name_launch "$next"
  # In a planned one nobody is in a hurry: a host that is slow today is not left out.
  if [ "${2:-}" = planned ]; then hosts=$(answering_hosts 5); drain "$launch"; else hosts=$(answering_hosts 1); fi
  # Where no master listens no address is taken: what is left may end while the next world starts.
  if [ "${2:-}" = gone ]; then end_old "$launch" & else end_old "$launch"; fi
  say "$1: replacing $launch by $next on ${hosts:-no host}"
  [ -f "$ha/workers" ] && workers=$(cat "$ha/workers")
  if [ -n "$hosts" ] && "$TAJO_HOME/launch/start-tajo.sh" --config "$config" --hosts "$hosts" ${workers:+--workers "$workers"} \
      --replaces "$launch" --launch "$next" --log-end "$log_end" $([ "${2:-}" != gone ] || echo --gone); then
    say "$next serves"
    retry_s=1
  else
    say "$next could not be started; again in $retry_s s"
    sleep "$retry_s"
    retry_s=$((retry_s < 8 ? 2 * retry_s : 10))
  fi
  launch=$next
  silent=0 workless=0 idle_since=$SECONDS refilled=$SECONDS
}

# Another supervisor is replacing the launch: it has the time of a drain and a start.
follow() {
  local next old=$launch until=$((SECONDS + drain_limit + TAJO_PLAN_TIMEOUT_S))
  next=$(readlink "$ha/after-$launch") || return 0
  if [ "${next#forced-}" != "$next" ]; then
    say "replaced by ${next#forced-}, which has supervisors of its own if any"
    exit 0
  fi
  launch=$next
  say "$launch is being started elsewhere"
  while [ $SECONDS -lt $until ] && [ ! -L "$ha/after-$launch" ]; do
    [ -e "$ha/requests/stop" ] && return 0
    look "$launch"
    [ -n "$TAJO_STATE_ACTIVE" ] && return 0
    sleep 1
  done
  [ ! -L "$ha/after-$launch" ] || return 0
  launch=$old   # whoever wanted to replace it may have died before it began
  look "$launch"
  if [ "$TAJO_STATE_ANSWERING" = 0 ]; then
    launch=$next
  else
    say "$old was not replaced, and goes on"
    name_launch "$old"
    rm -f "$ha/requests/"{drain,close}"-$old" "$ha/after-$old"
  fi
}

if [ -z "$launch" ]; then
  eval "$("$bin/tajo" --config "$config" launch-state)"
  launch=$TAJO_STATE_LAUNCH
  [ -n "$launch" ] || fail "no cluster runs on this root directory"
fi
say "watching $launch"
silent=0 workless=0 idle_since=$SECONDS refilled=$SECONDS
while [ ! -e "$ha/requests/stop" ]; do
  if [ -L "$ha/after-$launch" ]; then follow; silent=0; continue; fi
  look "$launch"
  if [ "$TAJO_STATE_ANSWERING" = 0 ]; then
    [ "$TAJO_STATE_ENDED" = 1 ] && break   # it was stopped
    silent=$((silent + 1))
    # Two looks where every host says that nobody listens; else three, and nobody writes the log.
    if [ "$TAJO_STATE_GONE" = 1 ] && [ $silent -ge 2 ]; then relaunch 'no master is left' gone; continue; fi
    if [ $silent -ge 3 ] && [ "${TAJO_STATE_LOG_AGE_S:-99}" -ge 2 ]; then relaunch 'no master answers'; continue; fi
  else
    silent=0
  fi
  if [ -n "$TAJO_STATE_ACTIVE" ]; then
    if [ "$TAJO_STATE_WORKERS" = 0 ]; then workless=$((workless + 1)); else workless=0; fi
    if [ $workless -ge 10 ]; then relaunch 'no worker is left'; continue; fi
    if [ -f "$ha/requests/resize" ]; then
      workers=$(tr -dc 0-9 < "$ha/requests/resize")
      rm -f "$ha/requests/resize"
      if [ -n "$workers" ] && [ "$workers" -gt 0 ]; then echo "$workers" > "$ha/workers"; relaunch "$workers workers are asked for" planned; continue; fi
    fi
    [ "$TAJO_STATE_RUNNING" = 0 ] || idle_since=$SECONDS
    if [ $((SECONDS - idle_since)) -ge "$idle_limit" ] && [ $((SECONDS - refilled)) -ge "$idle_limit" ]; then
      refilled=$SECONDS
      if [ "$(planned_ranks "$(answering_hosts 5)")" -gt "$TAJO_STATE_MEMBERS" ]; then relaunch 'places are lost, and nothing runs' planned; continue; fi
    fi
  fi
  sleep "$look_s"
done
say "the cluster was stopped"
