# shellcheck shell=bash
# The Docker client's plugins: Compose v2 and buildx (BuildKit).
# shellcheck disable=SC2154 # variables are set in debian.sh

# Puts them into the user's own plugin directory, from Debian's testing suite, because older suites
# have neither and the host's own packages stay as they are.
install_plugins() {
  local target="${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins"
  local plugin
  need_mmdebstrap "the Docker client has no ${*// /, }"
  say "bootstrap: installing the Docker client plugins $* into $target, because this project needs Compose v2 and BuildKit"
  scratch_dir
  as_root mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
    --include="$(printf '%s,' "${@/#/docker-}")" forky "$scratch/plugins.tar" ||
    die "the packages ${*/#/docker-} of Debian's testing suite could not be fetched (see above)."
  mkdir -p "$target"
  for plugin in "$@"; do
    # Renamed into place: an interrupted run must not leave half a binary.
    tar -xOf "$scratch/plugins.tar" "./usr/libexec/docker/cli-plugins/docker-$plugin" >"$target/.docker-$plugin.new"
    chmod 755 "$target/.docker-$plugin.new"
    mv "$target/.docker-$plugin.new" "$target/docker-$plugin"
  done
  as_root rm -rf "$scratch"
}

# `docker build` without buildx is the classic builder, which refuses `RUN --mount`.
ensure_plugins() {
  local missing=() plugin
  for plugin in compose buildx; do
    docker "$plugin" version >/dev/null 2>&1 || missing+=("$plugin")
  done
  [ ${#missing[@]} = 0 ] || install_plugins "${missing[@]}"
}
