#!/bin/sh
# What a container of this image does; README.md has the contract.
#
#   postgres [OPTION...]   makes the cluster if there is none, then becomes the server
#   clone FROM TO          makes the volume mounted at TO a copy of the one at FROM
#   seal [VOLUME]          marks the volume of a stopped server as complete, so that it can be cloned
#   accept [VOLUME]        marks a volume whose data has come from elsewhere as complete
#
# Anything else is run as it is.
set -eu
umask 077

readonly USAGE=64 NO_SOURCE=66 NO_DATA=72 DISK_FULL=73 IO=74 IN_USE=75 NO_PERMISSION=77
readonly SETTINGS=/etc/supacloud
# Kilobytes that a copy leaves free: the last byte belongs to the clusters that are there.
readonly SPARE=81920

# fail CODE WHAT
fail() {
  printf 'supacloud: %s\n' "$2" >&2
  exit "$1"
}

# lock VOLUME SECONDS: held until the last process of this container has ended, the server's included. PostgreSQL's own
# lock file is no help: in every container the server is process 1, and so each takes the others' file for its own.
lock() {
  [ -d "$1" ] || fail $USAGE "$1 is no folder: mount the volume there"
  [ -w "$1" ] || fail $NO_PERMISSION "$1 can't be written by user $(id -u), to whom the volume must belong"
  exec 9>>"$1/lock"
  flock -w "$2" 9 || fail $IN_USE "another container uses the volume at $1"
}

# mark VOLUME: writes down, durably, that everything in the volume is.
mark() {
  sync -f "$1/data" || fail $IO "what is in $1 could not be made durable"
  : >"$1/complete.new"
  sync "$1/complete.new"
  mv "$1/complete.new" "$1/complete"
  sync "$1"
}

initialize() {
  password=${POSTGRES_PASSWORD_FILE:-}
  if [ -z "$password" ]; then
    [ -n "${POSTGRES_PASSWORD:-}" ] || fail $USAGE "$PGDATA is empty: a new cluster needs POSTGRES_PASSWORD_FILE"
    password=$PGDATA.password
    printf '%s' "$POSTGRES_PASSWORD" >"$password"
  fi
  [ -s "$password" ] || fail $USAGE "POSTGRES_PASSWORD_FILE=$password is empty or can't be read by user $(id -u)"
  # Beside its place, so that one that was interrupted is not taken for a cluster.
  making=$PGDATA.making
  rm -rf "$making"
  # shellcheck disable=SC2046,SC2086 # lists of words
  initdb -D "$making" -U "${POSTGRES_USER:-supabase_admin}" --pwfile="$password" \
    $(cat $SETTINGS/initdb.options) ${POSTGRES_INITDB_ARGS:-}
  rm -f "$PGDATA.password"
  sync -f "$making"
  [ ! -e "$PGDATA" ] || rmdir "$PGDATA" || fail $USAGE "mount the volume at $(dirname "$PGDATA"), not at $PGDATA"
  mv "$making" "$PGDATA"
  sync "$(dirname "$PGDATA")"
}

start() {
  volume=$(dirname "$PGDATA")
  lock "$volume" 10
  if [ "${SUPACLOUD_REQUIRE_DATA:-0}" = 1 ]; then
    [ -e "$volume/complete" ] && [ -s "$PGDATA/PG_VERSION" ] ||
      fail $NO_DATA "the data is not there: the volume at $volume is empty, or another one; no empty database is made of it"
  elif [ ! -s "$PGDATA/PG_VERSION" ]; then
    initialize
  fi
  unset POSTGRES_PASSWORD
  # The image's files, not those that initdb wrote: a cluster then never runs with the settings of an older image.
  exec postgres -c config_file=$SETTINGS/postgresql.conf -c hba_file=$SETTINGS/pg_hba.conf "$@"
}

clone() {
  from=$1 to=$2
  lock "$to" 60
  [ ! -e "$to/complete" ] || return 0
  [ -e "$from/complete" ] && [ -s "$from/data/PG_VERSION" ] ||
    fail $NO_SOURCE "there is nothing to clone: the volume at $from is not sealed"
  exec 8<"$from/lock"
  flock -s -n 8 || fail $IN_USE "a container runs on the volume at $from, which is to be cloned"
  rm -rf "$to/data"
  size=$(du -sk "$from/data" | cut -f 1)
  free=$(df -Pk "$to" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge $((size + SPARE)) ] ||
    fail $DISK_FULL "no space left on device: the copy asks for $((size + SPARE)) kB, and $free kB are free"
  if ! printed=$(LC_ALL=C cp -a --reflink=auto "$from/data" "$to/data" 2>&1); then
    case $printed in
      *'No space left on device'* | *'Disk quota exceeded'*) fail $DISK_FULL "$printed" ;;
      *) fail $IO "$printed" ;;
    esac
  fi
  mark "$to"
  # Nobody has to measure it again for a while.
  printf 'cloned %s kB\n' "$size"
}

seal() {
  lock "$1" 60
  [ ! -e "$1/complete" ] || return 0
  state=$(LC_ALL=C pg_controldata "$1/data" 2>&1 | sed -n 's/^Database cluster state: *//p')
  [ "$state" = 'shut down' ] || fail $NO_SOURCE "the cluster in $1/data is not shut down (${state:-there is none})"
  mark "$1"
}

# However its server ended: the next one recovers what is to be.
accept() {
  lock "$1" 60
  [ -s "$1/data/PG_VERSION" ] || fail $NO_SOURCE "there is no cluster in $1/data"
  mark "$1"
}

case ${1:-postgres} in
  postgres)
    [ $# -eq 0 ] || shift
    start "$@"
    ;;
  -*) start "$@" ;;
  clone)
    [ $# -eq 3 ] || fail $USAGE 'clone FROM TO'
    clone "$2" "$3"
    ;;
  seal)
    [ $# -le 2 ] || fail $USAGE 'seal [VOLUME]'
    seal "${2:-$(dirname "$PGDATA")}"
    ;;
  accept)
    [ $# -le 2 ] || fail $USAGE 'accept [VOLUME]'
    accept "${2:-$(dirname "$PGDATA")}"
    ;;
  *) exec "$@" ;;
esac
