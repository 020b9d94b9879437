#!/bin/sh
# Starts Redis the way the official image does: unprivileged, and reachable from other containers.
set -eu

# `docker run redis:8 --save ""` means `redis-server --save ""`.
case "${1:-}" in
  '' | -* | *.conf) set -- redis-server "$@" ;;
esac

if [ "$1" = redis-server ]; then
  case "${2:-}" in
    -v | --version | -h | --help) ;;
    # Protected mode refuses every client from another host; in a container, all of them are.
    *) set -- "$@" --protected-mode no ;;
  esac
  if [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis {} +
    exec setpriv --reuid=redis --regid=redis --init-groups "$@"
  fi
fi
exec "$@"
