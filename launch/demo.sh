#!/usr/bin/env bash
# launch/demo.sh [--keep]: everything once, on this machine: installs, builds, starts 2 masters + 2 workers, loads TPC-H,
# asks it, kills the active master while queries run, asks again. TAJO_DEMO_SCALE (0.1) sets the amount of data; --keep
# leaves the cluster up.
set -euo pipefail
cd "$(dirname "$0")/.."
keep=
[ "${1:-}" = --keep ] && keep=1
scale=${TAJO_DEMO_SCALE:-0.1}
step() { printf '\n\033[1;34m[%3ds] %s\033[0m\n' "$SECONDS" "$*"; }
note() { printf '        %s\n' "$*"; }

step 'Installing what is missing (a second run does nothing here)'
launch/setup.sh build
step 'Building (first time: several minutes)'
launch/build.sh release tajod tajo tsql
bin=$PWD/build/release/bin

home=$PWD/build/demo
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
if [ ! -f "$data/lineitem.parquet" ]; then .env/bin/tpchgen-cli parquet -s "$scale" --output-dir="$data" >/dev/null; fi
note "$(du -sh "$data" | cut -f1) of Parquet in ${data#"$PWD"/}"

step 'Starting the cluster: one MPI job of 2 masters and 2 workers'
rm -rf "$home/root"
launch/start-tajo.sh --config "$conf"
finish() { [ -n "$keep" ] || launch/stop-tajo.sh --config "$conf"; }
trap finish EXIT
ask() { "$bin/tsql" -h "$TAJO_PID_DIR" -p "$1" -c "$2" 2>&1; }
first=$base second=$((base + 1))

step 'Who is who'
ask "$first" 'SELECT rank, pid, role, epoch, port FROM information_schema.cluster ORDER BY rank'

step 'Loading eight tables from Parquet into HDF5'
for table in region nation supplier part partsupp customer orders lineitem; do
  begin=$(date +%s%N)
  ask "$first" "CREATE EXTERNAL TABLE ${table}_parquet USING PARQUET LOCATION 'file://$data/$table.parquet'" >/dev/null
  ask "$first" "CREATE TABLE $table AS SELECT * FROM ${table}_parquet" >/dev/null
  note "$table: $(ask "$first" "SELECT num_rows || ' rows, ' || num_bytes / 1024 || ' KiB' FROM information_schema.tables WHERE table_name = '$table'" | sed -n 3p) in $((($(date +%s%N) - begin) / 1000000)) ms"
done

step 'TPC-H through the active master'
answers=$home/answers
mkdir -p "$answers"
for q in 01 03 05 06 09 13 18 21; do
  begin=$(date +%s%N)
  ask "$first" "$(cat tests/sql/tpch/q$q.sql)" | sed 's/, [0-9.]* sec,/,/' > "$answers/q$q.before"
  note "Q$q: $(tail -1 "$answers/q$q.before")  in $((($(date +%s%N) - begin) / 1000000)) ms"
done
step 'Q1, the pricing summary'
cat "$answers/q01.before"

step 'Killing the active master with SIGKILL while queries run'
roles() { ask "$1" "SELECT pid || ' ' || port FROM information_schema.cluster WHERE role = '$2'" | sed -n 3p; }
read -r pid active_port <<<"$(roles "$first" active)"
backup_port=$([ "$active_port" = "$first" ] && echo "$second" || echo "$first")
note "active: process $pid, port $active_port; one client runs on the backup, port $backup_port, one on the active"
(for i in 1 2 3 4 5 6; do ask "$backup_port" "$(cat tests/sql/tpch/q09.sql)"; done > "$home/backup-client.out" 2>&1) &
on_backup=$!
("$bin/tsql" -h "$TAJO_PID_DIR,$TAJO_PID_DIR" -p "$active_port,$backup_port" -c "$(cat tests/sql/tpch/q18.sql)" > "$home/active-client.out" 2>&1 || true) &
on_active=$!
sleep 0.2
begin=$(date +%s%N)
kill -9 "$pid"
ask "$backup_port" 'SELECT count(*) FROM region' >/dev/null
note "next answer after $((($(date +%s%N) - begin) / 1000000)) ms"
wait "$on_backup" "$on_active" || true
note "client of the backup: $(grep -c 'rows,' "$home/backup-client.out") of 6 queries answered, $(grep -c ERROR "$home/backup-client.out" || true) errors"
note "client of the active: $(grep -c 'rows,' "$home/active-client.out") of 1 answered after reconnecting"

step 'Who is who now'
ask "$backup_port" 'SELECT rank, pid, role, epoch, port FROM information_schema.cluster ORDER BY rank'

step 'The same questions again: the answers must not have changed'
for q in 01 03 05 06 09 13 18 21; do
  ask "$backup_port" "$(cat tests/sql/tpch/q$q.sql)" | sed 's/, [0-9.]* sec,/,/' > "$answers/q$q.after"
  cmp -s "$answers/q$q.before" "$answers/q$q.after" && note "Q$q: the same answer" || { note "Q$q: DIFFERENT"; exit 1; }
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
