# shellcheck shell=bash
# The two sides of each comparison of loadtest/bench, and what they need. Every side prints its
# requests (or transactions) a second and nothing else.
# shellcheck disable=SC2016,SC2154 # "$1" is SQL's; variables are set in loadtest/bench

# As many clients for either side: no more connections than the instances' pools hold together.
connections=40

# container_url CONTAINER PORT PUBLISHED: the container's own IP address where this host reaches it, else
# the published one. Docker's proxy before a published port costs both sides the same, which would
# make them look more alike than they are.
container_url() {
  local ip
  ip="$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1")"
  if curl --silent --output /dev/null --max-time 2 --retry 5 --retry-connrefused --retry-delay 1 "http://$ip:$2/"; then
    printf 'http://%s:%s' "$ip" "$2"
  else
    printf '%s' "$3"
  fi
}

ceiling_compose() {
  CEILING_RESPONSE="$scratch/response" docker compose --file loadtest/compose.ceiling.yml "$@"
}

build_ceiling() {
  say "building the ceiling (the first time takes minutes)"
  CEILING_RESPONSE=/dev/null docker compose --file loadtest/compose.ceiling.yml build api >"$scratch/build" 2>&1 ||
    { cat "$scratch/build" >&2; die "the ceiling could not be built."; }
}

# Four servers that answer with what the application answered, behind an NGINX of their own.
start_ceiling() {
  local published deadline=$((SECONDS + 30))
  curl --silent --show-error --fail --include "$url/tasks" >"$scratch/response"
  chmod 644 "$scratch/response"
  ceiling_compose up -d --no-build --scale api=4 >"$scratch/up" 2>&1 || { cat "$scratch/up" >&2; die "the ceiling did not start."; }
  published="http://$(ceiling_compose port nginx 8080)"
  ceiling_url="$(container_url "$(ceiling_compose ps --quiet nginx)" 8080 "$published")"
  until [ "$(curl --silent "$ceiling_url/tasks" | cksum)" = "$(curl --silent "$url/tasks" | cksum)" ]; do
    [ "$SECONDS" -lt "$deadline" ] || die "the ceiling does not answer what the application answers."
    sleep 0.2
  done
}

# wrk_figures CONNECTIONS SCRIPT URL [ARGUMENT…]: what the Lua script found, without its last word, how
# many requests failed: any ends this script.
wrk_figures() {
  local clients=$1 script=$2 result
  shift 2
  result="$(wrk --threads 2 --connections "$clients" --duration "${seconds}s" --timeout 10s --latency \
    --script "loadtest/wrk/$script.lua" "$1" -- "${@:2}" | sed -n 's/^RESULT //p')"
  [ "${result##* }" = 0 ] || die "wrk: ${result##* } requests to $1 failed ($script)."
  printf '%s' "${result% *}"
}

# The same, of which only the requests a second.
wrk_rate() {
  local figures
  figures="$(wrk_figures "$@")"
  printf '%s' "${figures%% *}"
}

# pgbench_rate SQL [VARIABLE=VALUE…]: the statement in $scratch/SQL over the network of the system, in
# a container of its own, prepared as the application's are. It is planned as PostgreSQL does by itself,
# whatever the database is set to, so that an application that has it planned better gains by that.
pgbench_rate() {
  local script="$scratch/$1" defines=() define
  shift
  for define in "$@"; do defines+=(--define "$define"); done
  PGPASSWORD="$pgpassword" docker run --rm --interactive --network "$network" \
    --env PGPASSWORD --env PGOPTIONS='-c jit=off -c plan_cache_mode=auto' --entrypoint pgbench postgres:18 \
    --host postgres --username taskfleet --no-vacuum --protocol prepared --file - \
    --client "$connections" --jobs 2 --time "$seconds" "${defines[@]}" taskfleet \
    <"$script" 2>"$scratch/pgbench.err" >"$scratch/pgbench" ||
    { cat "$scratch/pgbench.err" >&2; die "pgbench failed."; }
  sed -n 's/^tps = \([0-9]*\).*/\1/p' "$scratch/pgbench"
}

cached_api() {
  wrk_rate 64 report "$direct_url/tasks"
}

cached_ceiling() {
  wrk_rate 64 report "$ceiling_url/tasks"
}

# outdate TIMES SECONDS: outdates every copy that often, with a pause each time, by another value for the
# scope that is part of every list's stamp. Prints "outdated" once it has been done. (One process, next
# to no load: only its first answer leaves the container, because Docker would take part of the machine
# to pass on all of them.)
outdate() {
  local script='
    if redis.call("HEXISTS", KEYS[1], "epoch") == 0 then return redis.error_reply("there is no epoch") end
    local now = redis.call("TIME")
    return redis.call("HSET", KEYS[1], "epoch", string.format("%08x%08x", now[1], now[2]))'
  docker compose exec -T redis sh -c \
    'redis-cli -e eval "$1" 1 "$2" >/dev/null && echo outdated &&
     redis-cli -e -r "$3" -i "$4" eval "$1" 1 "$2" >/dev/null && echo ended' \
    sh "$script" taskfleet:scopes "$1" "$2" 2>/dev/null
}

# While it runs, all copies are outdated so often that none is left when its key comes again.
misses_api() {
  local outdating
  # Every 20 ms, for longer than wrk takes.
  exec {outdating}< <(outdate $(((seconds + 1) * 50)) 0.02)
  read -r -t 10 -u "$outdating" _ || die "the copies in Redis cannot be outdated."
  wrk_rate "$connections" misses "$direct_url" "$run"
  read -r -u "$outdating" _ || die "copies were not outdated to the end: misses may have been hits."
  exec {outdating}<&-
}

misses_pgbench() {
  pgbench_rate list.sql
}

creates_api() {
  wrk_rate "$connections" creates "$direct_url/tasks" \
    "{\"title\":\"$title\",\"description\":\"$description\",\"status\":\"pending\",\"userId\":$user,\"categoryId\":$category}"
}

creates_pgbench() {
  pgbench_rate insert.sql "title=$title" "description=$description" status=pending "user_id=$user" "category_id=$category"
}

# The statement behind GET /tasks, with the pages that misses.lua asks for.
write_list_sql() {
  {
    printf '\\set limit random(6, 14)\n\\set offset (random(1, 40) - 1) * :limit\n'
    docker run --rm --entrypoint list_sql taskfleet-ceiling | tr '\n' ' ' | sed 's/\$1/:limit/; s/\$2/:offset/'
  } >"$scratch/list.sql"
}

# The statement behind POST /tasks, from what sqlx checked the program against.
write_insert_sql() {
  local statement
  statement="$(sed -n 's/^ *"query": "\(WITH t AS (INSERT INTO tasks .*\)",$/\1/p' .sqlx/query-*.json)"
  [ -n "$statement" ] || die ".sqlx holds no INSERT INTO tasks: this script is to be adapted."
  # JSON has escaped the line ends and the quotes.
  printf '%b' "$statement" | tr '\n' ' ' |
    sed 's/\\"/"/g; s/\$1/:title/; s/\$2/:description/; s/\$3/:status/; s/\$4/:user_id/; s/\$5/:category_id/; s/\$6/NULL::bigint/' >"$scratch/insert.sql"
}
