#!/usr/bin/env bash
# launch/start-tajo.sh [--config DIR] [--force [--drain]] [--hosts A,B,…] [--workers N] [--supervise]: starts the cluster of DIR (tajo-site.xml,
# masters, workers, tajo-env.sh) and returns when it serves, printing the client and web addresses of every master.
# --force replaces a cluster that runs, or may run, on the same root directory; with --drain what it is asked meanwhile waits,
# what runs may end for TAJO_SUPERVISE_DRAIN (10) seconds, and the new cluster runs again what does not. --hosts starts only what masters and
# workers place on these hosts, --workers N so many workers; --supervise leaves a supervisor behind (supervise.sh).
set -euo pipefail
. "$(dirname "$0")/common.sh"

read_plan
log_end=${log_end:-$TAJO_PLAN_LOG_END}
make_pid_dir
if [ -f "$pid_file" ] && lives "$(cat "$pid_file")" && [ -z "$force" ]; then
  fail "tajo running as process $(cat "$pid_file").  Stop it first."
fi
writable() { mkdir -p "$1" 2>/dev/null && [ -w "$1" ] || fail "$2: \"$1\" cannot be written"; }
writable "$TAJO_PLAN_HA_DIR" "$config/tajo-site.xml: tajo.rootdir"
writable "$TAJO_PLAN_HA_DIR/requests" "$config/tajo-site.xml: tajo.rootdir"
if [ -n "$log_dir" ]; then logs_named=TAJO_LOG_DIR
elif [ -n "${TAJO_LOG_DIR:-}" ]; then logs_named="$config/tajo-env.sh: TAJO_LOG_DIR"
else logs_named="$config/tajo-site.xml: tajo.rootdir"; fi
writable "$TAJO_PLAN_LOG_DIR" "$logs_named"
launch=${launch:-$(date +%Y%m%d.%H%M%S).$$}
# Before anything is ended for it: the other hosts answer the launch agent, and see what was written here. All at once.
check_hosts() {
  local place host address found own token=.seen-$launch
  # Slurm has looked at the hosts of a job; and where mpirun reaches hosts in another way, the agent may not.
  [ -z "${SLURM_JOB_ID:-}" ] || return 0
  case " ${TAJO_MPIRUN_ARGS:-} " in *" plm ssh "*) ;; *" plm "*) return 0 ;; esac
  own=" $(hostname -I 2>/dev/null || true) 127.0.1.1 "
  : > "$TAJO_PLAN_HA_DIR/$token"
  found=$(
    for host in $TAJO_PLAN_HOSTS; do
      if is_here "$host"; then continue; fi
      address=$(getent ahostsv4 "$host" | { read -r address _ && echo "$address"; } || true)
      case $own in *" ${address:-none} "*) continue ;; esac
      (
        status=0
        # A listing, again and again: a look-up by name may be answered from a cache that knows it as absent.
        # shellcheck disable=SC2086
        timeout 10 $launch_agent "$host" "for i in 1 2 3 4 5 6; do ls -a $(printf %q "$TAJO_PLAN_HA_DIR") 2>/dev/null | grep -qxF $token && exit 0; sleep 0.3; done; exit 3" \
          </dev/null >/dev/null 2>&1 || status=$?
        echo " $host=$status "
      ) &
    done
    wait
  )
  rm -f "$TAJO_PLAN_HA_DIR/$token"
  for place in $TAJO_PLAN_PLACES; do   # masters:LINE=HOST
    host=${place#*=}
    case $found in *" $host=0 "*) ;;
      *" $host=3 "*) fail "$config/tajo-site.xml: tajo.rootdir: \"$TAJO_PLAN_ROOTDIR\" of $(hostname) is not seen on $host; it must lie on a filesystem that all hosts share" ;;
      *" $host="*) fail "$config/${place%%=*}: host $host does not answer ($launch_agent $host)" ;;
    esac
  done
}
# Who starts on some hosts only knows that they answer.
[ -n "$hosts" ] || [ -n "$replaces" ] || check_hosts
# Who replaces a launch first makes a link named after it, which only one can; supervisors that find one of another start end.
succeed() {
  local last
  last=$(current_launch)
  while [ -n "$last" ] && [ "$last" != "$launch" ] && ! ln -sT "forced-$launch" "$TAJO_PLAN_HA_DIR/after-$last" 2>/dev/null; do
    last=$(readlink "$TAJO_PLAN_HA_DIR/after-$last" || true)
    last=${last#forced-}
  done
}
if [ -z "$force" ]; then
  reason=$("$bin/tajo" --config "$config" launch-check) || exit 1
  [ -z "$reason" ] || fail "$reason"
else
  # What can be reached is ended; what cannot is fenced by the new cluster's claim.
  [ -n "$replaces" ] || succeed
  if [ -n "$drain" ] && [ -z "$replaces" ]; then
    look
    old=$TAJO_STATE_LAUNCH
    if [ -n "$TAJO_STATE_ACTIVE" ]; then
      drain "$old"
      : > "$TAJO_PLAN_HA_DIR/requests/replace-$old"
      wait_for_ranks "$old" 15
    fi
  fi
  if [ -n "$replaces" ]; then
    : > "$TAJO_PLAN_HA_DIR/requests/replace-$replaces"
    for file in $(present rank "$replaces"); do   # of hosts that do not answer: nobody is there to wait for
      read -r _ host _ <"$file" || continue
      case ",$hosts," in ,, | *",$host,"*) ;; *) rm -f "$file" ;; esac
    done
    [ -n "$gone" ] || wait_for_ranks "$replaces" 15
    rm -f "$TAJO_PLAN_HA_DIR/requests/"{drain,close}"-$replaces"
  elif [ -n "$(present rank)$(present stopping)$(present master)" ]; then
    request_stop
    wait_for_ranks '' 30
  fi
  end_launcher 1
fi
# A replacement leaves a request to stop alone: it came meanwhile and is meant for it as well.
if [ -z "$replaces" ]; then
  rm -f "$TAJO_PLAN_HA_DIR"/requests/* "$TAJO_PLAN_HA_DIR/workers"
  for file in "$TAJO_PLAN_HA_DIR"/after-*; do
    [ "$(readlink "$file")" = "forced-$launch" ] || rm -f "$file"
  done
fi
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
patience=0   # tenths of a second
[ -z "$force" ] || patience=$((10 * TAJO_STOP_TIMEOUT))   # what it replaces, a supervisor's start too, may still be ending
for port in $TAJO_PLAN_LOCAL_PORTS; do   # masters:LINE=PORT or tajo-site.xml:KEY=PORT
  while [ $patience -gt 0 ] && listens "${port#*=}"; do
    patience=$((patience - 1))
    sleep 0.1
  done
  if listens "${port#*=}"; then
    where=${port%=*}
    fail "$config/${where/:tajo/: tajo}: port ${port#*=} is in use"
  fi
done
rm -f "$TAJO_PLAN_HA_DIR"/master-* "$TAJO_PLAN_HA_DIR"/new-*
name_launch "$launch"

out=$TAJO_PLAN_LOG_DIR/tajo-$user-mpirun.out
args=(--with-ft ulfm --bind-to none --oversubscribe --prtemca oob_tcp_keepalive_time 0)
[ "$(id -u)" = 0 ] && args+=(--allow-run-as-root)
if ! ip -4 -o addr show scope global 2>/dev/null | grep -q .; then
  args+=(--prtemca prte_if_include lo)   # a machine with only a loopback
fi
[ -n "$TAJO_PLAN_NETWORK" ] && args+=(--prtemca prte_if_include "$TAJO_PLAN_NETWORK" --mca btl_tcp_if_include "$TAJO_PLAN_NETWORK")
[ -n "${TAJO_LAUNCH_AGENT:-}" ] && args+=(--prtemca plm_ssh_agent "$TAJO_LAUNCH_AGENT")
for name in ${!TAJO_*} ${!OMPI_*}; do   # what tajo-env.sh and the operator set holds on every host
  case $name in TAJO_PLAN_* | TAJO_STATE_*) ;; *) export "${name?}"; args+=(-x "$name") ;; esac
done
read -r -a extra <<<"${TAJO_MPIRUN_ARGS:-}"
read -r -a prefix <<<"${TAJO_RANK_PREFIX:-}"
program=("${prefix[@]}" "$bin/tajod" --config "$config" --outlive-launcher --launch "$launch" ${hosts:+--hosts "$hosts"} ${workers:+--workers "$workers"} ${force:+--force} ${log_end:+--log-end "$log_end"})
# One program on all hosts: Open MPI 5.0.7's mpirun crashes on several programs with a --host each.
ranks=0
for part in $TAJO_PLAN_RANKS; do ranks=$((ranks + ${part##*:})); done   # HOST:COUNT
read -r -a host_slots <<<"$TAJO_PLAN_RANKS"
placing=(-n "$ranks" --host "$(IFS=,; echo "${host_slots[*]}")")
setsid "$TAJO_HOME/launch/become-mpirun.sh" "$mpirun" "${args[@]}" "${extra[@]}" "${placing[@]}" "${program[@]}" >"$out" 2>&1 </dev/null &
launcher=$!   # the file may soon name that of another start
echo "$launcher" >"$pid_file"
: > "$TAJO_PLAN_HA_DIR/started-$(hostname)"

# What ranks that ended, or could not go on, said last in their own logs: their output is no longer the launcher's.
began=$(date '+%F %T')
reasons() {
  local file name
  for file in "$TAJO_PLAN_LOG_DIR/tajo-$user-rank"*.log; do
    [ -e "$file" ] || continue
    name=$(basename "${file##*-rank}" .log)   # NUMBER-HOST
    tail -c 65536 "$file" | awk -v since="$began" -v who="rank ${name%%-*} on ${name#*-}" \
      '$1 " " $2 >= since && $3 == "ERROR" { sub(/^[^]]*\] [a-z]+: /, ""); if ($0 != "" && !seen[$0]++) print who ": " $0 }'
  done | head -"$most_reasons" || true
}
most_reasons=12

give_up() {
  request_stop "$launch"
  kill "$launcher" 2>/dev/null || true
  wait_for_ranks "$launch" 30
  end_launcher 1 "$launcher"
  rm -f "$TAJO_PLAN_HA_DIR/requests/stop-$launch" "$TAJO_PLAN_HA_DIR/master-$launch"-* "$TAJO_PLAN_HA_DIR/started-$(hostname)"
}
trap 'trap "" TERM INT HUP; give_up; exit 143' TERM INT HUP
serves() {
  if [ "$TAJO_PLAN_LOCAL" = 1 ]; then
    [ -S "$TAJO_PID_DIR/.s.PGSQL.$TAJO_PLAN_FIRST_PORT" ] &&
      "$bin/tsql" -h "$TAJO_PID_DIR" -p "$TAJO_PLAN_FIRST_PORT" -c 'SELECT 1' >/dev/null 2>&1
  else
    eval "$("$bin/tajo" --config "$config" launch-state --launch "$launch")" && [ -n "$TAJO_STATE_ACTIVE" ]
  fi
}
# One on this host and one on each other master's, so that the loss of this host is survived too.
start_supervisors() {
  local address host name values='' log=$TAJO_PLAN_LOG_DIR/tajo-$user-supervisor
  setsid "$TAJO_HOME/launch/supervise.sh" --config "$config" --launch "$launch" >>"$log-$(hostname).log" 2>&1 </dev/null &
  for name in ${!TAJO_*} ${!OMPI_*}; do
    case $name in TAJO_PLAN_* | TAJO_STATE_*) ;; *) values="$values $name=$(printf %q "${!name}")" ;; esac
  done
  for host in $(for address in $TAJO_PLAN_CLIENT; do echo "${address%:*}"; done | sort -u); do
    if is_here "$host"; then continue; fi
    # shellcheck disable=SC2086
    timeout 5 $launch_agent "$host" "env$values setsid $(printf '%q ' "$TAJO_HOME/launch/supervise.sh" --config "$config" --launch "$launch") >>$(printf %q "$log-$host.log") 2>&1 </dev/null &" \
      </dev/null >/dev/null 2>&1 || echo "start-tajo.sh: no supervisor on $host" >&2
  done
}
until=$((SECONDS + TAJO_PLAN_TIMEOUT_S + 5))   # the ranks say first whom they wait for
while [ $SECONDS -lt $until ]; do
  if [ -L "$TAJO_PLAN_HA_DIR/after-$launch" ]; then
    give_up
    fail "another cluster is being started on this root directory"
  fi
  if [ -s "$out" ] && grep -m1 -q '^tajod: ' "$out"; then
    message=$(grep -m1 '^tajod: ' "$out")
    give_up
    fail "${message#tajod: }"
  fi
  if ! lives "$launcher" && ! serves; then
    give_up
    echo "$script: the cluster ended while starting:" >&2
    tail -5 "$out" >&2
    reasons >&2
    exit 1
  fi
  if serves; then
    for address in $TAJO_PLAN_WEB; do   # HOST:PORT@MASTER: to be reached on that master's host only
      case $address in *@*) echo "Tajo master web UI: http://${address%@*} on ${address#*@}" ;; *) echo "Tajo master web UI: http://$address" ;; esac
    done
    for address in $TAJO_PLAN_CLIENT; do echo "Tajo Client Service: $address"; done
    [ -n "$supervise" ] && start_supervisors
    exit 0
  fi
  sleep 0.05
done
give_up
reasons >&2
fail "the cluster did not serve within $TAJO_PLAN_TIMEOUT_S s; see $TAJO_PLAN_LOG_DIR"
