# shellcheck shell=bash
# What every script here needs. Sourced from the project's root, under `set -euo pipefail`.

# One line of progress; on stderr, so that a script's output stays usable in a pipe.
say() {
  printf '%s\n' "$*" >&2
}

# One sentence instead of a stack trace.
die() {
  say "error: $*"
  exit 1
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# Whether something listens on this port of this host.
port_is_open() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need_host_package COMMAND REASON [PACKAGE…]: installs the package of that name, and others with it,
# where the command is missing.
need_host_package() {
  local command=$1 reason=$2
  have "$command" && return
  have apt-get || die "$reason, and without Debian's apt-get on this host this script cannot make up for it."
  [ "$(id -u)" = 0 ] || have sudo || die "$reason, and making up for it needs root (to install $command): run it as root or install sudo."
  say "installing $command from the host's packages, because $reason"
  as_root apt-get update -qq >/dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$command" "${@:3}" >/dev/null 2>&1 ||
    die "apt-get could not install $command; run 'apt-get install $command' to see why."
}

# Has `docker compose` mean the system with replicas where REPLICAS asks for them or, where it is not
# set, where the system that is there has them. COMPOSE_FILE, if set, stays as it is.
use_compose_files() {
  [ -z "${COMPOSE_FILE:-}" ] || return 0
  case "${REPLICAS:-}" in
    0) return 0 ;;
    2) ;;
    '') [ -n "$(replica_containers)" ] || return 0 ;;
    *) die "REPLICAS is \"$REPLICAS\", but must be 0 or 2." ;;
  esac
  export COMPOSE_FILE=docker-compose.yml:docker-compose.replicas.yml
}

project_name() {
  docker compose config 2>/dev/null | sed -n 's/^name: //p'
}

replica_containers() {
  docker ps --all --quiet --filter "label=com.docker.compose.project=$(project_name)" \
    --filter label=com.docker.compose.service=postgres-replica-1
}

# Has NGINX take up its configuration as it is now. To be called once the instances are those that the
# configuration is for: a newer one may rely on what only they do.
reload_nginx() {
  local container
  for container in $(docker compose ps --quiet --status running nginx); do
    docker exec "$container" nginx -t -q ||
      die "NGINX does not take nginx/nginx.conf and goes on with the one it has; above is why."
    docker exec "$container" nginx -s reload
  done
}
