#!/usr/bin/env bash
# launch/demo.sh [--keep]: everything once, on this machine: installs, builds, starts 2 masters + 2 workers, loads TPC-H,
# asks it, kills the active master while queries run, asks again. TAJO_DEMO_SCALE (0.1) sets the amount of data; --keep
# leaves the cluster up.
set -eEuo pipefail
cd "$(dirname "$0")/.."
keep=
[ "${1:-}" = --keep ] && keep=1
scale=${TAJO_DEMO_SCALE:-0.1}
step() { printf '\n\033[1;34m[%3ds] %s\033[0m\n' "$SECONDS" "$*"; }
note() { printf '        %s\n' "$*"; }

home=$PWD/build/demo
last=$home/last-output   # of the latest command that hides what it says
mkdir -p "$home"
: > "$last"
# A command that fails says where; a subshell leaves that to the shell it belongs to.
failed() {
  local status=$?
  [ "$BASH_SUBSHELL" -eq 0 ] || exit "$status"
  [ ! -s "$last" ] || tail -20 "$last" >&2
  printf 'demo failed at line %s: %s (exit %s)\n' "$1" "$2" "$status" >&2
  exit "$status"
}
trap 'failed "$LINENO" "$BASH_COMMAND"' ERR
wrong() { printf 'demo failed: %s\n' "$*" >&2; exit 1; }

step 'Installing what is missing (a second run does nothing here)'
launch/setup.sh build
step 'Building (first time: several minutes)'
launch/build.sh release tajod tajo tsql
bin=$PWD/build/release/bin

data=$home/sf$scale
conf=$home/conf
export TAJO_PID_DIR=$home/run
[ -d "$conf" ] && launch/stop-tajo.sh --config "$conf" >/dev/null 2>&1 || true
mkdir -p "$conf" "$data"
base=${TAJO_DEMO_PORT:-26502}
cat > "$conf/tajo-site.xml" <<XML
<configuration>
  <property><name>tajo.rootdir</name><value>file://$home/root</value></property>
  <property><name>tajo.worker.tmpdir.locations</name><value>$home/tmp</value></property>
</configuration>
XML
printf 'localhost:%s:%s\nlocalhost:%s:%s\n' "$base" $((base + 80)) $((base + 1)) $((base + 81)) > "$conf/masters"
echo 'localhost slots=2' > "$conf/workers"
: > "$conf/tajo-env.sh"

step "TPC-H data, scale $scale"
if [ ! -f "$data/lineitem.parquet" ]; then .env/bin/tpchgen-cli parquet -s "$scale" --output-dir="$data" > "$last" 2>&1; fi
note "$(du -sh "$data" | cut -f1) of Parquet in ${data#"$PWD"/}"

step 'Starting the cluster: one MPI job of 2 masters and 2 workers'
rm -rf "$home/root"
launch/start-tajo.sh --config "$conf"
finish() { [ -n "$keep" ] || launch/stop-tajo.sh --config "$conf"; }
trap finish EXIT
ask() { "$bin/tsql" -h "$TAJO_PID_DIR" -p "$1" -c "$2" > "$last" 2>&1 && cat "$last"; }
indented() { sed 's|^|        |'; }
first=$base second=$((base + 1))

step 'Who is who'
ask "$first" 'SELECT rank, pid, role, epoch, port FROM information_schema.cluster ORDER BY rank'

step 'Loading eight tables from Parquet into HDF5'
for table in region nation supplier part partsupp customer orders lineitem; do
  begin=$(date +%s%N)
  ask "$first" "CREATE EXTERNAL TABLE ${table}_parquet USING PARQUET LOCATION 'file://$data/$table.parquet'" >/dev/null
  ask "$first" "CREATE TABLE $table AS SELECT * FROM ${table}_parquet" >/dev/null
  took=$((($(date +%s%N) - begin) / 1000000))
  size=$(ask "$first" "SELECT num_rows || ' rows, ' || num_bytes / 1024 || ' KiB' FROM information_schema.tables WHERE table_name = '$table'" | sed -n 3p)
  note "$table: $size in $took ms"
done

step 'TPC-H through the active master: the first rows of each answer'
answers=$home/answers
mkdir -p "$answers"
answer() { ask "$1" "$(cat "tests/sql/tpch/q$2.sql")" | sed 's/, [0-9.]* sec,/,/' > "$answers/q$2.$3"; }
for q in 01 03 05 06 09 13 18 21; do
  begin=$(date +%s%N)
  answer "$first" $q before
  note "Q$q: $(tail -1 "$answers/q$q.before")  in $((($(date +%s%N) - begin) / 1000000)) ms"
  head -8 "$answers/q$q.before" | grep -v ' selected)$' | indented
done

step 'Killing the active master with SIGKILL while queries run'
roles() { ask "$1" "SELECT pid || ' ' || port FROM information_schema.cluster WHERE role = '$2'" | sed -n 3p; }
members=$(roles "$first" active)
read -r pid active_port <<<"$members"
backup_port=$([ "$active_port" = "$first" ] && echo "$second" || echo "$first")
# client NAME PORTS QUERY TIMES: one tsql that asks the same question again and again, over one session.
client() {
  for ((i = 0; i < $4; ++i)); do cat "tests/sql/tpch/q$3.sql"; done > "$home/$1.sql"
  "$bin/tsql" -h "$TAJO_PID_DIR,$TAJO_PID_DIR" -p "$2" -f "$home/$1.sql" > "$home/$1.out" 2> "$home/$1.err" || true
}
answered() { grep -c ' selected)$' "$home/$1.out" || true; }
# check NAME QUERY TIMES: all answers came, and each is the one from before.
check() {
  for ((i = 0; i < $3; ++i)); do cat "$answers/q$2.before"; done > "$home/$1.want"
  if grep -q ERROR "$home/$1.err" || ! sed 's/, [0-9.]* sec,/,/' "$home/$1.out" | cmp -s - "$home/$1.want"; then
    cat "$home/$1.err" >&2
    wrong "$(answered "$1") of $3 answers, or another answer than before ($home/$1.out)"
  fi
}
note "the active is process $pid on port $active_port, the backup listens on port $backup_port; a client of each:"
note "the active's asks Q18 40 times, the backup's Q9 20 times"
on_active=active-client on_backup=backup-client
: > "$home/$on_active.out"; : > "$home/$on_backup.out"
client $on_backup "$backup_port" 09 20 & backup_job=$!
client $on_active "$active_port,$backup_port" 18 40 & active_job=$!
while [ "$(answered $on_active)" -lt 3 ] || [ "$(answered $on_backup)" -lt 1 ]; do
  kill -0 $active_job 2>/dev/null || break
  sleep 0.01
done
by_then="$(answered $on_active) and $(answered $on_backup)"
begin=$(date +%s%N)
kill -9 "$pid"
ask "$backup_port" 'SELECT count(*) FROM region' >/dev/null
note "killed after $by_then answers; the next answer came after $((($(date +%s%N) - begin) / 1000000)) ms"
wait $backup_job $active_job
reconnects() { grep -c reconnecting "$home/$1.err" || true; }
note "client of the active: $(answered $on_active) of 40 answered, reconnected $(reconnects $on_active) time(s)"
note "client of the backup: $(answered $on_backup) of 20 answered, reconnected $(reconnects $on_backup) time(s)"
check $on_active 18 40
check $on_backup 09 20
[ "$(reconnects $on_active)" -ge 1 ] || wrong "the client of the active did not have to reconnect: it was done before the kill"
[ "$(reconnects $on_backup)" -eq 0 ] || wrong "the client of the backup lost its connection"

step 'Who is who now'
ask "$backup_port" 'SELECT rank, pid, role, epoch, port FROM information_schema.cluster ORDER BY rank'

step 'The same questions again: the answers must not have changed'
for q in 01 03 05 06 09 13 18 21; do
  answer "$backup_port" $q after
  cmp -s "$answers/q$q.before" "$answers/q$q.after" || wrong "Q$q: another answer than before ($answers/q$q.*)"
  note "Q$q: the same answer"
done

step "The history, with the killed master's queries (epoch 1) in it"
ask "$backup_port" "SELECT epoch, state, count(*) AS queries FROM information_schema.queries GROUP BY epoch, state ORDER BY 1, 2"

if [ -n "$keep" ]; then
  step 'The cluster stays up'
  note "psql -h $TAJO_PID_DIR -p $backup_port default"
  note "build/release/bin/tsql -h $TAJO_PID_DIR -p $backup_port"
  note "http://localhost:$((backup_port + 80))   (log in with a user made by CREATE USER … PASSWORD '…')"
  note "TAJO_PID_DIR=$TAJO_PID_DIR launch/stop-tajo.sh --config $conf"
else
  step 'Stopping'
fi
