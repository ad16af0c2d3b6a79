# Sourced by the scripts of a job: the allocation becomes a configuration directory, and ranks get steps of their own.
# Options of the environment (sbatch --export or before sbatch): TAJO_CONF (configuration directory to start from: its
# tajo-site.xml and tajo-env.sh; default conf), TAJO_SLURM_MASTERS (hosts with a master; default: at most 3),
# TAJO_SLURM_WORKERS (workers a host; default 1), TAJO_SLURM_SBATCH (more sbatch options of a service's successors), TAJO_PID_DIR (node-local; default /tmp/tajo-USER-jobID).
script=$(basename "$command")
say() { echo "$(date "+%F %T") $script: $*"; }
fail() { echo "$script: $*" >&2; exit 2; }
[ -n "${SLURM_JOB_ID:-}" ] || fail "this is a script for sbatch"
base=${TAJO_CONF:-$TAJO_HOME/conf}
[ -f "$base/tajo-site.xml" ] || fail "TAJO_CONF: \"$base\" has no tajo-site.xml"
# What the operator set, not what is made of it here: a successor gets it, and this file may be sourced twice.
export TAJO_SLURM_PID_DIR=${TAJO_SLURM_PID_DIR-${TAJO_PID_DIR:-}} TAJO_SLURM_MPIRUN_ARGS=${TAJO_SLURM_MPIRUN_ARGS-${TAJO_MPIRUN_ARGS:-}}
export TAJO_PID_DIR=${TAJO_SLURM_PID_DIR:-/tmp/tajo-$(id -un)-job$SLURM_JOB_ID}
# shellcheck disable=SC1091
[ -f "$base/tajo-env.sh" ] && . "$base/tajo-env.sh"
bin=${TAJO_BIN:-$TAJO_HOME/build/release/bin}
[ -x "$bin/tajo" ] || fail "\"$bin\" has no programs: launch/setup.sh && launch/build.sh"
rootdir=$("$bin/tajo" --config "$base" getconf tajo.rootdir) || exit 2
rootdir=${rootdir#file://}
rootdir=${rootdir%/}
ha=$rootdir/system/ha
config=$rootdir/system/slurm/job-$SLURM_JOB_ID
export TAJO_LAUNCH_AGENT=$TAJO_HOME/slurm/host-agent     # instead of ssh
export TAJO_RANK_PREFIX=$TAJO_HOME/slurm/rank-step       # before tajod
export TAJO_MPIRUN_ARGS="--prtemca plm ssh --prtemca ras ^slurm $TAJO_SLURM_MPIRUN_ARGS"
# Ranks ask for no memory of their own: a step that did would take it from its neighbours.
memory=${SLURM_MEM_PER_NODE:-$((${SLURM_MEM_PER_CPU:-0} * ${SLURM_CPUS_ON_NODE:-1}))}
[ "$memory" = 0 ] || export TAJO_HOST_MEMORY_MB=$memory
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# masters and workers from the hosts of the job, the first being the one this script runs on.
write_configuration() {
  local host here masters=0 most=${TAJO_SLURM_MASTERS:-3}
  here=$(hostname -s)
  hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST") || fail "scontrol does not name the hosts of this job"
  hosts=$(echo "$here"; grep -vx "$here" <<<"$hosts" || true)
  mkdir -p "$config" || fail "$base/tajo-site.xml: tajo.rootdir: \"$config\" cannot be made"
  cp "$base/tajo-site.xml" "$config/"
  : > "$config/tajo-env.sh"   # the base's is in the environment already
  : > "$config/masters"
  : > "$config/workers"
  for host in $hosts; do
    if [ $masters -lt "$most" ]; then echo "$host" >> "$config/masters"; masters=$((masters + 1)); fi
    echo "$host slots=${TAJO_SLURM_WORKERS:-1}" >> "$config/workers"
  done
  say "job $SLURM_JOB_ID: $masters master(s), ${TAJO_SLURM_WORKERS:-1} worker(s) on each of:" $hosts
}

# Where the supervisors and guards of the job write: beside the ranks' logs, which outlive the job.
job_log() {
  local plan
  plan=$("$bin/tajo" --config "$config" launch-plan) || exit 2
  logs=$(eval "$plan"; echo "$TAJO_PLAN_LOG_DIR")
  mkdir -p "$logs" || fail "$base/tajo-site.xml: tajo.log.directory: \"$logs\" cannot be made"
  echo "$logs/slurm-job-$SLURM_JOB_ID-$1.log"
}

# Of a service. Whether it is still the one that serves: its successor writes its own name.
mine() { [ "$(sed -n 's/^service //p' "$ha/service" 2>/dev/null)" = "$name" ]; }

# The launch that runs; asked before mine(), it is this job's if mine() is still true.
running_launch() { cat "$ha/launch" 2>/dev/null || true; }
# A successor lets what runs on the launch $1 end or takes it over: until then the steps of its ranks are not to end with this job.
wait_for_successor() {
  local second
  for second in $(seq $((60 + ${TAJO_SUPERVISE_DRAIN:-10}))); do
    [ -n "$1" ] && [ -n "$(compgen -G "$ha/rank-$1-*")" ] || return 0
    sleep 1
  done
}

# A job like this one is to follow; $1: why. What scontrol does not say of a job (--gres, …) comes from TAJO_SLURM_SBATCH.
submit_successor() {
  local job same=() more=()
  job=$(scontrol show job "$SLURM_JOB_ID" -o)
  value() { sed -n "s|.* $1=\([^ ]*\).*|\1|p" <<<"$job"; }
  option() { case $(value "$2") in '' | '(null)' | N/A | 0) ;; *) same+=("--$1=$(value "$2")") ;; esac; }
  # One host fewer will do: the lost one may be away for long.
  same=(--nodes="$((nodes > 1 ? nodes - 1 : 1))-$nodes")
  option job-name JobName
  option time TimeLimit
  option partition Partition
  option account Account
  option qos QOS
  option reservation Reservation
  option constraint Features
  option licenses Licenses
  option cpus-per-task CPUs/Task
  option mem MinMemoryNode
  option mem-per-cpu MinMemoryCPU
  option output StdOut
  case $(value OverSubscribe) in NO) same+=(--exclusive) ;; USER) same+=(--exclusive=user) ;; esac
  [ -z "${TAJO_SLURM_WARN_S:-}" ] || same+=(--signal="B:USR1@$TAJO_SLURM_WARN_S")
  read -r -a more <<<"${TAJO_SLURM_SBATCH:-}"
  successor=$(env -u SLURM_RESTART_COUNT TAJO_PID_DIR="$TAJO_SLURM_PID_DIR" TAJO_MPIRUN_ARGS="$TAJO_SLURM_MPIRUN_ARGS" \
    TAJO_SLURM_NODES="$nodes" TAJO_SLURM_SUCCEEDS="$SLURM_JOB_ID" TAJO_HOME="$TAJO_HOME" sbatch --parsable "${same[@]}" "${more[@]}" "$command") || successor=
  if [ -z "$successor" ]; then say "$1: no successor could be submitted"; return 0; fi
  echo "job $successor" > "$ha/.successor-$SLURM_JOB_ID"   # for tajo-connect, should the successor have to wait
  mv "$ha/.successor-$SLURM_JOB_ID" "$ha/successor"
  say "$1: job $successor is to take over"
}
