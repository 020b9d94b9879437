# shellcheck shell=bash
# The base images: pulled where a registry can be reached, else built from Debian's packages under
# the same names ("stand-ins").
# shellcheck disable=SC2154 # variables are set in debian.sh

# Name of the image, and the directory under docker/standin that stands in for it. The rust and
# debian images are a pair: what one links, the other's C library must run.
base_images='
debian:trixie-slim base
rust:1-slim-trixie rust
postgres:18 postgres
redis:8 redis
nginx:1.30 nginx
'

# A stand-in carries the checksum of its recipe in this label; official images lack it.
standin_label=taskfleet.standin

# Changes when the recipe, or the base it stands on, changes.
recipe_sum() {
  cat docker/standin/base/* "docker/standin/$1"/* | sha256sum | cut -c1-16
}

# Prints "NAME DIRECTORY" of each image that is absent, or is a stand-in of an older recipe.
missing_images() {
  local name dir label present
  # One call for all: absent ones are only missing from its output.
  # shellcheck disable=SC2086,SC2046
  present="$(docker image inspect --format "{{range .RepoTags}}{{println .}}{{end}}={{index .Config.Labels \"$standin_label\"}}" \
    $(awk 'NF { print $1 }' <<<"$base_images") 2>/dev/null |
    awk '/^=/ { for (i in tags) print i, substr($0, 2); delete tags; next } NF { tags[$0] }' || true)"
  while read -r name dir; do
    [ -n "$name" ] || continue
    if ! grep -q "^$name " <<<"$present"; then
      echo "$name $dir"
      continue
    fi
    label="$(awk -v name="$name" '$1 == name { print $2 }' <<<"$present")"
    if [ -n "$label" ] && [ "$label" != "$(recipe_sum "$dir")" ]; then
      echo "$name $dir"
    fi
  done <<<"$base_images"
}

# An unreachable registry costs the daemon's own time-out (under half a minute) once: after the first
# failure nothing more is asked for.
pull() {
  local answer
  [ -z "${registry_failure:-}" ] || return 1
  say "bootstrap: pulling $1, because it is not on this host"
  if answer="$(docker pull --quiet "$1" 2>&1)"; then
    return
  fi
  registry_failure="$(tail -n 1 <<<"$answer")"
  say "bootstrap: no registry to pull from ($registry_failure)"
  return 1
}

# The system all stand-ins share. Imported only when complete, so an interrupted run leaves no image.
build_base() {
  local sum
  sum="$(recipe_sum base)"
  [ "$(docker image inspect --format "{{index .Config.Labels \"$standin_label\"}}" taskfleet-standin-base 2>/dev/null)" != "$sum" ] || return 0
  need_mmdebstrap "no image registry can be reached"
  say "bootstrap: making a minimal Debian system, because the other stand-ins build on it"
  scratch_dir
  as_root docker/standin/base/build "$scratch/base.tar" ||
    die "Debian's packages could not be fetched (see above), so the base images cannot be built."
  docker import --change "LABEL $standin_label=$sum" --change 'CMD ["bash"]' \
    "$scratch/base.tar" taskfleet-standin-base >/dev/null
  as_root rm -rf "$scratch"
}

# Builds the image $1 from the recipe in docker/standin/$2.
build_standin() {
  say "bootstrap: building a stand-in for $1 from Debian's packages"
  if [ "$2" = base ]; then
    docker tag taskfleet-standin-base "$1"
    return
  fi
  docker buildx build --quiet --load --label "$standin_label=$(recipe_sum "$2")" \
    --tag "$1" "docker/standin/$2" >/dev/null || die "the stand-in for $1 could not be built (see above)."
}

ensure_images() {
  local name dir
  while read -r name dir; do
    [ -n "$name" ] || continue
    pull "$name" && continue
    build_base
    build_standin "$name" "$dir"
  done <<<"$(missing_images)"
}
