# Sourced by the launch scripts: configuration directory, environment, MPI, names of files.
TAJO_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
config=$TAJO_HOME/conf
force=
while [ $# -gt 0 ]; do
  case $1 in
    --config) config=${2:?--config needs a directory}; shift 2 ;;
    --force) force=--force; shift ;;
    *) break ;;
  esac
done
[ -d "$config" ] || { echo "$(basename "$0"): configuration directory \"$config\" does not exist" >&2; exit 2; }
config=$(cd "$config" && pwd)
pid_dir=${TAJO_PID_DIR:-}
log_dir=${TAJO_LOG_DIR:-}
# shellcheck disable=SC1091
[ -f "$config/tajo-env.sh" ] && . "$config/tajo-env.sh"
[ -n "$pid_dir" ] && TAJO_PID_DIR=$pid_dir   # the environment wins over the file
[ -n "$log_dir" ] && TAJO_LOG_DIR=$log_dir
user=$(id -un)
export TAJO_PID_DIR=${TAJO_PID_DIR:-/tmp/tajo-$user-run}
[ -n "${TAJO_LOG_DIR:-}" ] && export TAJO_LOG_DIR
bin=${TAJO_BIN:-$TAJO_HOME/build/release/bin}
mpirun=${TAJO_MPIRUN:-$TAJO_HOME/.env/bin/mpirun}
[ -x "$mpirun" ] || mpirun=$(command -v mpirun) || { echo "$(basename "$0"): no mpirun: run launch/setup.sh" >&2; exit 2; }
pid_file=$TAJO_PID_DIR/tajo-$user-mpirun.pid
# Whether process $1 lives. One that has ended but was never reaped (a container without an init) does not.
lives() { local state; state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) && [ "$state" != Z ]; }
