# Sourced by the launch scripts: configuration directory, environment, MPI, names of files.
TAJO_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
script=$(basename "$0")
config=$TAJO_HOME/conf
force=
hosts=
here=
workers=
replaces=
gone=
log_end=
launch=
supervise=
drain=
while [ $# -gt 0 ]; do
  case $1 in
    --config) config=${2:?--config needs a directory}; shift 2 ;;
    --force) force=--force; shift ;;
    --hosts) hosts=${2:?--hosts needs a comma list of hosts}; shift 2 ;;
    --workers) workers=${2:?--workers needs a number}; shift 2 ;;
    --replaces) replaces=${2:?--replaces needs the name of a launch}; force=--force; shift 2 ;;
    --gone) gone=1; shift ;;
    --log-end) log_end=${2-}; shift 2 ;;
    --launch) launch=${2:?--launch needs a name}; shift 2 ;;
    --here) here=1; shift ;;
    --supervise) supervise=1; shift ;;
    --drain) drain=1; shift ;;
    *) break ;;
  esac
done
[ -d "$config" ] || { echo "$script: configuration directory \"$config\" does not exist" >&2; exit 2; }
config=$(cd "$config" && pwd)
pid_dir=${TAJO_PID_DIR:-}
log_dir=${TAJO_LOG_DIR:-}
# shellcheck disable=SC1091
[ -f "$config/tajo-env.sh" ] && . "$config/tajo-env.sh"
[ -n "$pid_dir" ] && TAJO_PID_DIR=$pid_dir   # the environment wins over the file
[ -n "$log_dir" ] && TAJO_LOG_DIR=$log_dir
user=$(id -un)
export TAJO_PID_DIR=${TAJO_PID_DIR:-/tmp/tajo-$user-run}
export TAJO_STOP_TIMEOUT=${TAJO_STOP_TIMEOUT:-10}
[ -n "${TAJO_LOG_DIR:-}" ] && export TAJO_LOG_DIR
bin=${TAJO_BIN:-$TAJO_HOME/build/release/bin}
mpirun=${TAJO_MPIRUN:-$TAJO_HOME/.env/bin/mpirun}
[ -x "$mpirun" ] || mpirun=$(command -v mpirun) || { echo "$script: no mpirun: run launch/setup.sh" >&2; exit 2; }
pid_file=$TAJO_PID_DIR/tajo-$user-mpirun.pid
# Whether process $1 lives. One that has ended but was never reaped (a container without an init) does not.
lives() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=${stat##*) }
  [ "${stat%% *}" != Z ]
}
# What names this host.
is_here() { case $1 in localhost | 127.0.0.1 | "$(hostname)" | "$(hostname -s)") ;; *) return 1 ;; esac; }
# What runs a command on another host: AGENT HOST COMMAND.
launch_agent=${TAJO_LAUNCH_AGENT:-ssh -o BatchMode=yes -o ConnectTimeout=1}
supervisor_file=$TAJO_PID_DIR/tajo-$user-supervisor.pid

# TAJO_PID_DIR is made for this user alone. One that is there must be so: it holds who may log in without a password.
make_pid_dir() {
  local about where=TAJO_PID_DIR
  [ -n "$pid_dir" ] || [ "$TAJO_PID_DIR" = "/tmp/tajo-$user-run" ] || where="$config/tajo-env.sh: TAJO_PID_DIR"
  mkdir -p "$(dirname "$TAJO_PID_DIR")" 2>/dev/null || true
  mkdir -m 700 "$TAJO_PID_DIR" 2>/dev/null && return
  about=$(stat -L -c '%F %u 0%a' "$TAJO_PID_DIR" 2>/dev/null) || fail "$where: \"$TAJO_PID_DIR\" cannot be made"
  case $about in "directory $(id -u) 0700" | "directory $(id -u) 0"?700) ;; *)
    fail "$where: \"$TAJO_PID_DIR\" must be a directory of $user's own with mode 0700 (it is: $about)" ;;
  esac
}
# Sockets that a killed rank left; others' are none of ours.
remove_sockets() {
  local address
  for address in $TAJO_PLAN_CLIENT; do rm -f "$TAJO_PID_DIR/.s.PGSQL.${address##*:}"; done
}

fail() { echo "$script: $*" >&2; exit 1; }
say() { echo "$(date "+%F %T.%3N") $script: $*"; }

# Masters, workers, ports; refuses wrong files with a line that names file and key.
read_plan() {
  local plan
  plan=$("$bin/tajo" --config "$config" launch-plan ${workers:+--workers "$workers"} ${hosts:+--hosts "$hosts"} 2> >(sed "s/^ERROR: /$script: /" >&2)) || exit 1
  eval "$plan"
}

# The launch that runs on this root directory, or is being started.
current_launch() { cat "$TAJO_PLAN_HA_DIR/launch" 2>/dev/null || true; }
name_launch() { echo "$1" > "$TAJO_PLAN_HA_DIR/.launch.$$" && mv "$TAJO_PLAN_HA_DIR/.launch.$$" "$TAJO_PLAN_HA_DIR/launch"; }

# Sets TAJO_STATE_… (of launch $1, else of whoever answers); $log_end is the first look that saw the log's present end.
look() {
  eval "$("$bin/tajo" --config "$config" launch-state ${1:+--launch "$1"})"
  [ "${TAJO_STATE_LOG_END%%@*}" = "${log_end%%@*}" ] || log_end=$TAJO_STATE_LOG_END
}

# The masters of launch $1 let no statement in, what is under way ends or is re-run by the next world, and the log gets its
# last words. Its ranks are then to be ended by requests/replace-$1: a stop would fail what runs.
drain_limit=${TAJO_SUPERVISE_DRAIN:-10}
drain() {
  local tenth until=$((SECONDS + drain_limit))
  : > "$TAJO_PLAN_HA_DIR/requests/drain-$1"
  while [ $SECONDS -le $until ]; do
    look "$1"
    if [ "$TAJO_STATE_DRAINED" = 1 ] || [ "$TAJO_STATE_ANSWERING" = 0 ] || [ -e "$TAJO_PLAN_HA_DIR/requests/stop" ]; then break; fi
    sleep 0.1
  done
  say "drained: $TAJO_STATE_DRAINED, $TAJO_STATE_RUNNING queries run"
  : > "$TAJO_PLAN_HA_DIR/requests/close-$1"
  for tenth in $(seq 10); do
    look "$1"
    [ "$TAJO_STATE_ENDED" = 1 ] && break
    sleep 0.05
  done
}

request_stop() { mkdir -p "$TAJO_PLAN_HA_DIR/requests" && : > "$TAJO_PLAN_HA_DIR/requests/stop${1:+-$1}"; }

# Ranks with keepers (of launch $2, else of any) that have not ended: files PREFIX-LAUNCH-RANK; PREFIX rank or stopping.
present() {
  local file
  for file in "$TAJO_PLAN_HA_DIR/$1-${2:+$2-}"*; do [ -e "$file" ] && echo "$file"; done
  return 0
}

# A command for other hosts: stop-tajo.sh --here with this environment.
here_command() {
  local name values=
  for name in ${!TAJO_*}; do
    case $name in TAJO_PLAN_* | TAJO_STATE_*) ;; *) values="$values $name=$(printf %q "${!name}")" ;; esac
  done
  echo "env$values $(printf '%q ' "$TAJO_HOME/launch/stop-tajo.sh" --config "$config" --here) ${1:+--launch $1}"
}

# Ends what is left on this host of the cluster (of launch $1, else all), at once, with what it left behind.
end_ranks_here() {
  local tenth pid file host directory start pattern="^$bin/tajod --config $config( .*)?${1:+ --launch $1}( |\$)"
  for pid in $(pgrep -u "$(id -u)" -f "$pattern"); do
    # The ranks only: their keepers then remove what they left.
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = tajod ]; then kill -KILL "$pid" 2>/dev/null || true; fi
  done
  for tenth in $(seq 10); do
    pgrep -u "$(id -u)" -f "$pattern" >/dev/null || break
    [ "$tenth" = 10 ] && pkill -KILL -u "$(id -u)" -f "$pattern"
    sleep 0.05
  done
  forget_dead_here "${1:-}"
  for file in "$TAJO_PLAN_HA_DIR/launcher-$(hostname)-"*; do
    [ -e "$file" ] || continue
    read -r _ host _ pid _ start _ directory < <(tr '\n' ' ' 2>/dev/null <"$file") || true
    if [ -n "${directory:-}" ] && ! lives "$pid"; then rm -rf "$directory" "$file"; fi
  done
  return 0
}

# Files of this host's ranks (of launch $1) that ended with their keepers.
forget_dead_here() {
  local file host pid keeper
  for file in $(present rank "$1") $(present stopping "$1"); do
    read -r _ host _ pid _ keeper < <(tr '\n' ' ' 2>/dev/null <"$file") || true
    [ "${host:-}" = "$(hostname)" ] && ! lives "${pid:-0}" && ! lives "${keeper:-0}" && rm -f "$file"
  done
  return 0
}

# Waits until the ranks (of launch $1, else all) have ended; a keeper that has not seen the request to stop after $2 tenths
# of a second has died: its file is removed, and its host added to $unheard.
unheard=
wait_for_ranks() {
  local tenth file host='' pid='' keeper='' limit=$(((TAJO_STOP_TIMEOUT + 5) * 10))
  for tenth in $(seq "$limit"); do
    [ "$tenth" = 1 ] && forget_dead_here "${1:-}"
    [ -z "$(present rank "${1:-}")$(present stopping "${1:-}")" ] && return 0
    if [ "$tenth" = "$2" ]; then
      for file in $(present rank "${1:-}"); do
        read -r _ host _ pid _ keeper < <(tr '\n' ' ' 2>/dev/null <"$file") || true
        [ -n "${pid:-}" ] || continue
        case " $unheard " in *" $host "*) ;; *) unheard="$unheard $host" ;; esac
        rm -f "$file"
      done
    fi
    sleep 0.1
  done
  for file in $(present rank "${1:-}") $(present stopping "${1:-}"); do
    read -r _ host _ pid _ < <(tr '\n' ' ' 2>/dev/null <"$file") || true
    echo "$script: host $host: process $pid has not ended" >&2
    rm -f "$file"
  done
}

# Ends the local mpirun (or the one with number $2) with what it started in its session (agents to other hosts), if it has
# not ended with its ranks; $1 tenths of a second are its own.
end_launcher() {
  local pid=${2:-} tenth
  [ -n "$pid" ] || pid=$(cat "$pid_file" 2>/dev/null) || return 0
  for tenth in $(seq $(($1 + 20))); do
    lives "$pid" || break
    if [ "$tenth" = "$1" ]; then kill -TERM "$pid" 2>/dev/null || true; fi
    sleep 0.1
  done
  pkill -KILL -s "$pid" 2>/dev/null || true
  [ "$(cat "$pid_file" 2>/dev/null)" != "$pid" ] || rm -f "$pid_file"
  "$TAJO_HOME/launch/forget-launcher.sh" "$pid"
}
