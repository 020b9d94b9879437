#!/usr/bin/env bash
# Starts PostgreSQL the way the official image does: the first start makes the cluster, the user and
# the database, and runs what lies in /docker-entrypoint-initdb.d.
set -euo pipefail

# `docker run postgres:18 -c fsync=off` means `postgres -c fsync=off`.
if [ "${1:-}" = "" ] || [ "${1:0:1}" = "-" ]; then
  set -- postgres "$@"
fi

# PostgreSQL refuses to run as root.
become_postgres() {
  install -d -o postgres -g postgres -m 700 "$PGDATA"
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
}

make_cluster() {
  local auth="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}"
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$auth" != trust ]; then
    echo "error: POSTGRES_PASSWORD is not set, and without it no user could log in" >&2
    exit 1
  fi
  local words=()
  read -r -a words <<<"${POSTGRES_INITDB_ARGS:-}"
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-}") "${words[@]}"
  # initdb trusts loopback only; every other client needs the password.
  printf '\nhost all all all %s\n' "$auth" >>"$PGDATA/pg_hba.conf"
}

run_init_files() {
  local file
  local psql=(psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc --username "$POSTGRES_USER" --dbname "$POSTGRES_DB")
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh)
        echo "$0: running $file"
        # shellcheck disable=SC1090
        if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql)
        echo "$0: running $file"
        "${psql[@]}" -f "$file" ;;
      */\*) ;;
      *) echo "$0: ignoring $file" ;;
    esac
  done
}

first_start() {
  export POSTGRES_USER="${POSTGRES_USER:-postgres}"
  export POSTGRES_DB="${POSTGRES_DB:-$POSTGRES_USER}"
  make_cluster
  # A server that no network client can reach, so that none sees a half-made database. It logs to
  # stdout and the real one to stderr; test tools tell them apart by that.
  pg_ctl -D "$PGDATA" -w start -o "$(printf '%q ' "${@:2}" -c listen_addresses=)"
  if [ "$POSTGRES_DB" != postgres ]; then
    createdb --username "$POSTGRES_USER" --maintenance-db postgres --no-password "$POSTGRES_DB"
  fi
  run_init_files
  pg_ctl -D "$PGDATA" -m fast -w stop
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

if [ "$1" = postgres ]; then
  if [ "$(id -u)" = 0 ]; then
    become_postgres "$@"
  fi
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    first_start "$@"
  fi
fi
exec "$@"
