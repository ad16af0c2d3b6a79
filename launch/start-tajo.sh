#!/usr/bin/env bash
# launch/start-tajo.sh [--config DIR] [--force]: starts the cluster of DIR (tajo-site.xml, masters, workers, tajo-env.sh)
# and returns when it serves, printing the client and web addresses of every master.
set -euo pipefail
. "$(dirname "$0")/common.sh"
fail() { echo "start-tajo.sh: $*" >&2; exit 1; }

plan=$("$bin/tajo" --config "$config" launch-plan 2> >(sed "s/^ERROR: /start-tajo.sh: /" >&2)) || exit 1   # masters, workers, ports; refuses wrong files
eval "$plan"
mkdir -p "$TAJO_PID_DIR" && chmod 700 "$TAJO_PID_DIR" || fail "TAJO_PID_DIR \"$TAJO_PID_DIR\" cannot be made"
if [ -f "$pid_file" ] && lives "$(cat "$pid_file")"; then
  fail "tajo running as process $(cat "$pid_file").  Stop it first."
fi
mkdir -p "$TAJO_PLAN_LOG_DIR" 2>/dev/null && [ -w "$TAJO_PLAN_LOG_DIR" ] || fail "$config/tajo-site.xml: tajo.rootdir: \"$TAJO_PLAN_LOG_DIR\" cannot be written"
for port in $TAJO_PLAN_LOCAL_PORTS; do
  if (exec 3<>"/dev/tcp/127.0.0.1/${port#*=}") 2>/dev/null; then
    fail "$config: port ${port#*=} (${port%=*}) is in use"
  fi
done

out=$TAJO_PLAN_LOG_DIR/tajo-$user-mpirun.out
args=(--with-ft ulfm --bind-to none --oversubscribe --prtemca oob_tcp_keepalive_time 0)
[ "$(id -u)" = 0 ] && args+=(--allow-run-as-root)
if ! ip -4 -o addr show scope global 2>/dev/null | grep -q .; then
  args+=(--prtemca prte_if_include lo)   # a machine with only a loopback
fi
[ -n "$TAJO_PLAN_NETWORK" ] && args+=(--prtemca prte_if_include "$TAJO_PLAN_NETWORK" --mca btl_tcp_if_include "$TAJO_PLAN_NETWORK")
[ -n "${TAJO_LAUNCH_AGENT:-}" ] && args+=(--prtemca plm_ssh_agent "$TAJO_LAUNCH_AGENT")
for name in ${!TAJO_*} ${!OMPI_*}; do   # what tajo-env.sh and the operator set holds on every host
  case $name in TAJO_PLAN_*) ;; *) export "${name?}"; args+=(-x "$name") ;; esac
done
read -r -a extra <<<"${TAJO_MPIRUN_ARGS:-}"
program=("$bin/tajod" --config "$config")
[ -n "$force" ] && program+=(--force)
# One program on all hosts: Open MPI 5.0.7's mpirun crashes on several programs with a --host each.
ranks=0
for part in $TAJO_PLAN_RANKS; do ranks=$((ranks + ${part##*:})); done   # HOST:COUNT
read -r -a host_slots <<<"$TAJO_PLAN_RANKS"
placing=(-n "$ranks" --host "$(IFS=,; echo "${host_slots[*]}")")
setsid "$mpirun" "${args[@]}" "${extra[@]}" "${placing[@]}" "${program[@]}" >"$out" 2>&1 </dev/null &
echo $! >"$pid_file"

for _ in $(seq "$((TAJO_PLAN_TIMEOUT_S * 10))"); do
  if ! lives "$(cat "$pid_file")"; then
    rm -f "$pid_file"
    grep -m1 '^tajod: ' "$out" | sed 's/^tajod: /start-tajo.sh: /' >&2 || { echo "start-tajo.sh: the cluster ended while starting:" >&2; tail -5 "$out" >&2; }
    exit 1
  fi
  if grep -m1 -q '^tajod: ' "$out"; then
    message=$(grep -m1 '^tajod: ' "$out")
    kill "$(cat "$pid_file")" 2>/dev/null || true
    rm -f "$pid_file"
    fail "${message#tajod: }"
  fi
  if "$bin/tsql" -h "$TAJO_PID_DIR" -p "$TAJO_PLAN_FIRST_PORT" -c 'SELECT 1' >/dev/null 2>&1; then
    for address in $TAJO_PLAN_WEB; do echo "Tajo master web UI: http://$address"; done
    for address in $TAJO_PLAN_CLIENT; do echo "Tajo Client Service: $address"; done
    exit 0
  fi
  sleep 0.1
done
kill "$(cat "$pid_file")" 2>/dev/null || true
rm -f "$pid_file"
fail "the cluster did not serve within $TAJO_PLAN_TIMEOUT_S s; see $TAJO_PLAN_LOG_DIR"
