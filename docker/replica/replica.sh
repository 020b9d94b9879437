#!/usr/bin/env bash
# A streaming replica of the primary, as docker-compose.replicas.yml runs it: clones the primary at the
# first start and whenever it can no longer catch up, and serves reads in between.
# REPLICA_SLOT names its replication slot, POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB are the
# primary's.
set -euo pipefail

: "${REPLICA_SLOT:?}" "${PGDATA:?}"
export PGHOST=postgres PGUSER="$POSTGRES_USER" PGPASSWORD="$POSTGRES_PASSWORD" PGDATABASE="$POSTGRES_DB"
export PGCONNECT_TIMEOUT=3 PGAPPNAME="$REPLICA_SLOT"
check_every=5

say() {
  printf '%s: %s\n' "$REPLICA_SLOT" "$*"
}

# One value from the primary; fails where it is out of reach.
primary() {
  psql --no-psqlrc --quiet --no-align --tuples-only --command "$1" 2>/dev/null
}

# Why the data here cannot be used or brought up to date; nothing where it can, or where the primary
# cannot be asked: then what is here is served as it is.
reason_to_clone() {
  local here there
  if [ ! -e "$PGDATA/standby.signal" ]; then
    echo "there is no data yet"
    return
  fi
  there="$(primary 'SELECT system_identifier FROM pg_control_system()')" || return 0
  here="$(pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: *//p')"
  if [ "$here" != "$there" ]; then
    echo "the primary is another database than the one that was cloned"
    return
  fi
  there="$(primary "SELECT wal_status FROM pg_replication_slots WHERE slot_name = '$REPLICA_SLOT'")" || return 0
  case "$there" in
    '') echo "the primary has no slot for this replica" ;;
    lost) echo "the primary no longer has the log that this replica would need" ;;
  esac
}

clone() {
  local new="${PGDATA%/*}/clone"
  say "cloning the primary, because $1"
  until primary 'SELECT 1' >/dev/null; do sleep 1; done
  # Ends what still streams from the slot, so that it can be made anew.
  primary "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
           WHERE slot_name = '$REPLICA_SLOT' AND active" >/dev/null || true
  until [ -z "$(primary "SELECT 1 FROM pg_replication_slots WHERE slot_name = '$REPLICA_SLOT'")" ]; do
    primary "SELECT pg_drop_replication_slot('$REPLICA_SLOT')" >/dev/null || sleep 0.5
  done
  rm -rf "$new"
  mkdir -p "${new%/*}"
  mkdir -m 700 "$new"
  pg_basebackup --pgdata "$new" --write-recovery-conf --create-slot --slot "$REPLICA_SLOT" \
    --checkpoint fast --wal-method stream --no-password
  # In one piece: what was only half copied is never started.
  rm -rf "$PGDATA"
  mv "$new" "$PGDATA"
}

server=
stop_server() {
  [ -z "$server" ] || kill -INT "$server" 2>/dev/null || true # a fast shutdown
}
ending=
trap 'ending=1; stop_server' TERM INT

# Waits for the server to end, through the signals that are told to this script.
wait_for_server() {
  while kill -0 "$server" 2>/dev/null; do wait "$server" || true; done
  server=
}

while [ -z "$ending" ]; do
  reason="$(reason_to_clone)"
  if [ -n "$reason" ] && ! clone "$reason"; then
    say "the primary could not be cloned; trying again"
    sleep 1
    continue
  fi
  # Reads are not cancelled by what the primary cleans up, and a lost connection is made again soon.
  postgres -c listen_addresses='*' -c max_connections=200 -c shared_buffers=256MB \
    -c hot_standby_feedback=on -c wal_retrieve_retry_interval=500ms -c "cluster_name=$REPLICA_SLOT" &
  server=$!
  while [ -z "$ending" ] && kill -0 "$server" 2>/dev/null; do
    sleep "$check_every" &
    wait -n "$server" $! || true
    if [ -n "$ending" ] || ! kill -0 "$server" 2>/dev/null; then break; fi
    reason="$(reason_to_clone)"
    if [ -n "$reason" ]; then
      say "starting anew, because $reason"
      stop_server
      break
    fi
  done
  wait_for_server
done
say "ended"
