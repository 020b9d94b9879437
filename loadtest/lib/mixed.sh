# shellcheck shell=bash
# The mixed line of loadtest/bench: lists of 200 users beside writes to tasks of the same users. A write
# to a task of one user should cost the lists of that user alone.
# shellcheck disable=SC2154 # variables are set in loadtest/bench

# Of all requests, so many in a hundred are writes.
mixes=(0 1 5 20)
mixed_users=200
mixed_tasks=20 # of each user: two pages
mixed_owners="SELECT id FROM users WHERE email LIKE 'bench-mixed-$$-%'"

# Around the API, which would hash a password for each. The ids go into a file: a line for each user,
# with its tasks after it.
make_mixed_owners() {
  psql_app --set ON_ERROR_STOP=1 >"$scratch/owners" <<SQL
INSERT INTO users (name, email)
SELECT 'Bench ' || n, 'bench-mixed-$$-' || n || '@example.com' FROM generate_series(1, $mixed_users) n;
INSERT INTO tasks (title, description, status, user_id)
SELECT '$title', '$description', 'pending', id FROM ($mixed_owners) owners, generate_series(1, $mixed_tasks);
VACUUM ANALYZE tasks, users;
SELECT user_id || ' ' || string_agg(id::text, ' ') FROM tasks WHERE user_id IN ($mixed_owners) GROUP BY user_id;
SQL
  [ "$(wc -l <"$scratch/owners")" = "$mixed_users" ] || die "the users of the mixed load were not made."
  # Nobody has announced them.
  outdate 1 0 >/dev/null || die "the copies in Redis cannot be outdated."
}

remove_mixed_owners() {
  psql_app --command "DELETE FROM tasks WHERE user_id IN ($mixed_owners)" \
    --command "DELETE FROM users WHERE id IN ($mixed_owners)"
}

# Lines of "rate p50 p99 hits" in $scratch/mixed-PERCENT, each round in another order.
measure_mixes() {
  local round step percent figures
  wrk_figures 64 mixed "$direct_url" 0 "$scratch/owners" >/dev/null # warms up
  for ((round = 0; round < rounds; round++)); do
    for ((step = 0; step < ${#mixes[@]}; step++)); do
      percent=${mixes[(round + step) % ${#mixes[@]}]}
      figures="$(wrk_figures 64 mixed "$direct_url" "$percent" "$scratch/owners")"
      say "mixed, $percent % writes, round $((round + 1)) of $rounds: ${figures%% *}/s, hits ${figures##* }"
      printf '%s\n' "$figures" >>"$scratch/mixed-$percent"
    done
  done
}

# The table: a line for each mix. What is to be reached is stated for 5 % writes.
mixed_table() {
  local percent
  printf 'lists of %s users, 64 connections\trequests\tof that without writes\thits\tp99\tto reach\treached\n' "$mixed_users"
  for percent in "${mixes[@]}"; do
    paste -d ' ' "$scratch/mixed-$percent" "$scratch/mixed-0" >"$scratch/mixed"
    # shellcheck disable=SC2016 # for awk
    awk -v percent="$percent" -v rate="$(median '$1' "$scratch/mixed")" -v hits="$(median '$4' "$scratch/mixed")" \
      -v p99="$(median '$3' "$scratch/mixed")" -v ratio="$(median '$1 / $5' "$scratch/mixed")" 'BEGIN {
        goal = percent == 5 ? "hits >= 0.85, >= 0.5 of the rate" : ""
        reached = percent != 5 ? "" : hits >= 0.85 && ratio >= 0.5 ? "yes" : "no"
        printf "%s %% writes\t%.0f/s\t%.2f\t%.3f\t%.1f ms\t%s\t%s\n", percent, rate, ratio, hits, p99, goal, reached }'
  done
}
