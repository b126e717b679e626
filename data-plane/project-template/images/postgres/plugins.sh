#!/bin/sh
# plugins.sh MAJOR: the setting that lets roles which may replicate use wal2json, as postgresql.conf has it. Said of this
# server at the build, since only the newest minor versions know the setting, and others would not start with it.
set -eu
server=/usr/lib/postgresql/$1/bin/postgres

[ -e "/usr/lib/postgresql/$1/lib/wal2json.so" ] || exit 0
if "$server" --describe-config | grep -q '^output_plugin_libraries'; then
  echo "output_plugin_libraries = 'pgoutput, test_decoding, wal2json'"
fi
