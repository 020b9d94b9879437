# shellcheck shell=bash
# What the commands here share. Sourced from the project's root, after scripts/lib/common.sh.

# takes_only OPTION [ARGUMENT…]: ends a script that was given anything but this option; '' for none.
takes_only() {
  [ "$#" -le 1 ] || [ "$#$2" = "2$1" ] || die "'${*:2}' is not known here. Usage: $0${1:+ [$1]}"
}

# The URL of the running system, as a client uses it.
published_url() {
  local address
  address="$(docker compose port nginx 8080 2>/dev/null)" || address=
  [ -n "$address" ] || die "the system is not running: start it with 'make up'."
  printf 'http://localhost:%s' "${address##*:}"
}

# need COMMAND PACKAGE: a load generator, or where it comes from.
need() {
  have "$1" || die "$1 is not installed: it is in Debian's package $2 ('apt-get install $2')."
}

# The ids of the running API containers, one a line.
api_containers() {
  docker compose ps --quiet --status running api
}

count_api() {
  api_containers | wc -l
}

# scale_to COUNT URL: as many instances, and all of them known to NGINX. Those that run stay as they
# are; new ones are made from the image that is there.
scale_to() {
  local count=$1 url=$2 deadline=$((SECONDS + 30))
  if [ "$(count_api)" != "$count" ]; then
    say "scaling to $count"
    docker compose up -d --no-recreate --no-build --no-deps --scale "api=$count" --wait api >/dev/null 2>&1 ||
      die "could not scale to $count instances; 'docker compose ps --all' shows their state."
  fi
  until [ "$(answering "$((count * 3))" "$url")" = "$count" ]; do
    [ "$SECONDS" -lt "$deadline" ] || die "NGINX does not spread requests over $count instances."
    sleep 0.2
  done
}

# answering REQUESTS URL: how many instances answer that many requests, as they say themselves.
answering() {
  local urls=() i
  for ((i = 0; i < $1; i++)); do urls+=("$2/health"); done
  curl --silent --include --max-time 10 "${urls[@]}" | tr -d '\r' |
    awk 'tolower($1) == "x-instance:" { seen[$2] } END { for (name in seen) n++; print n + 0 }'
}

# api METHOD URL [BODY]: the answer; a refusal ends the script.
api() {
  curl --silent --show-error --fail-with-body --max-time 10 --request "$1" \
    --header 'Content-Type: application/json' ${3+--data "$3"} "$2" || die "$1 $2 failed."
}

# The id in the answer to a create, which begins with it.
created_id() {
  sed -n 's/.*"data":{"id":\([0-9]*\).*/\1/p'
}

# Tab-separated lines as a Markdown table that is also readable as it is. The first line is the head;
# columns of figures are to be aligned right, but for the first column.
table() {
  awk -F '\t' '
    { for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) }
      if (NF > columns) columns = NF }
    function dashes(n,   s) { while (n-- > 0) s = s "-"; return s }
    END {
      for (row = 1; row <= NR; row++) {
        line = "|"
        for (i = 1; i <= columns; i++)
          line = line sprintf(i == 1 ? " %-*s |" : " %*s |", width[i], cell[row, i])
        print line
        if (row > 1) continue
        line = "|"
        for (i = 1; i <= columns; i++)
          line = line (i == 1 ? " " dashes(width[i]) " |" : " " dashes(width[i] - 1) ": |")
        print line
      }
    }'
}

# One line about where and when a table was measured.
circumstances() {
  local model memory
  model="$(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)"
  memory="$(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo)"
  printf 'Measured with %s on %s, commit %s, on %s cores (%s), %s, Linux %s, Docker %s.\n' \
    "\`$1\`" "$(date -u +%F)" "$(git describe --always --dirty 2>/dev/null || echo unknown)" \
    "$(nproc)" "${model:-unknown}" "$memory" "$(uname -r)" "$(docker version --format '{{.Server.Version}}')"
}

# write_section NAME FILE: puts FILE between the markers of that name in the README here.
write_section() {
  local readme=loadtest/README.md
  if [ "$(grep -cE "^<!-- /?$1 -->\$" "$readme")" != 2 ]; then
    die "$readme has no lines '<!-- $1 -->' and '<!-- /$1 -->' to write between."
  fi
  awk -v begin="<!-- $1 -->" -v end="<!-- /$1 -->" -v file="$2" '
    $0 == end { skipping = 0 }
    !skipping { print }
    $0 == begin { skipping = 1; print ""; while ((getline line < file) > 0) print line; print "" }
  ' "$readme" >"$2.readme"
  cat "$2.readme" >"$readme"
  say "wrote the table into $readme"
}
