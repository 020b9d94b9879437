# shellcheck shell=bash
# Sending requests with hey or oha, and finding them again in the access logs of the instances.

# hey, or oha where there is only that.
find_generator() {
  if have hey; then
    generator=hey
  elif have oha; then
    generator=oha
  else
    die "neither hey nor oha is installed: hey is in Debian's package of that name ('apt-get install hey'), oha comes with 'cargo install oha'."
  fi
}

# send REQUESTS AT_ONCE RUN URL: the generator's report. Requests carry the name of the run as their
# id, which the instances log.
send() {
  local options=(-n "$1" -c "$2" -H "X-Request-Id: $3")
  [ "$generator" = hey ] || options+=(--no-tui)
  # shellcheck disable=SC2154 # set by the script that sources this file
  timeout "$longest_run" "$generator" "${options[@]}" "$4" || die "$generator failed."
}

# send_steadily A_SECOND METHOD URL BODY: until it is killed or a minute is over.
send_steadily() {
  exec "$generator" -z 60s -c 1 -q "$1" -m "$2" -T application/json -d "$4" "$3" >/dev/null 2>&1
}

# figures REPORT: requests a second, p50, p95 and p99 in milliseconds and the status codes. The
# reports of hey and oha differ in little but the unit of a time.
figures() {
  awk '
    function ms(time, unit) { return time * (unit ~ /^s/ ? 1000 : unit ~ /^ms/ ? 1 : unit ~ /^ns/ ? 1e-6 : 1e-3) }
    /Requests\/sec:/ { rate = $2 }
    $1 ~ /^[0-9.]+%$/ && $2 == "in" { quantile[$1 + 0] = ms($3, $4) }
    # Under the status codes "[200] 20000 responses"; under the errors "[3] what happened".
    /^ *\[[0-9]+\]/ {
      gsub(/[][]/, "", $1)
      outcome = $3 == "responses" ? $1 ": " $2 : "no answer: " $1
      outcomes = outcomes (outcomes == "" ? "" : ", ") outcome
    }
    END {
      printf "%.0f\t%.1f\t%.1f\t%.1f\t%s", rate, quantile[50], quantile[95], quantile[99], outcomes
    }' "$1"
}

# served RUN SINCE REQUESTS: from the instances' access logs, tab-separated: how many requests of this
# run they logged, how many of those were hits, and how many each instance logged.
served() {
  local run=$1 since=$2 requests=$3 deadline=$((SECONDS + 5)) line
  # Docker reads what an instance writes with some delay.
  line="$(count_served "$run" "$since")"
  while [ "${line%%$'\t'*}" -lt "$requests" ] && [ "$SECONDS" -lt "$deadline" ]; do
    sleep 0.3
    line="$(count_served "$run" "$since")"
  done
  [ "${line%%$'\t'*}" -ge "$requests" ] ||
    say "note: only ${line%%$'\t'*} of $requests requests are in the access logs (Docker keeps 30 MB of each)"
  printf '%s\n' "$line"
}

count_served() {
  local run=$1 since=$2 container
  for container in $(api_containers); do
    docker logs --since "$since" "$container" 2>/dev/null
  done | awk -v id="\"requestId\":\"$run\"" '
    index($0, id) {
      all++
      if (index($0, "\"cache\":\"hit\"")) hits++
      match($0, /"instance":"[^"]*"/)
      each[substr($0, RSTART, RLENGTH)]++
    }
    END {
      for (name in each) shares = shares (shares == "" ? "" : " + ") each[name]
      printf "%d\t%d of %d\t%s\n", all, hits, all, shares
    }'
}
