#!/bin/sh
# trust.sh FOLDER <LIST: lets the owner of a database create the extensions of the list, lines of "<name> <schema>", by
# what it adds to their control files in FOLDER. The rules are those of postgres_cluster's trust.rs, and for its reasons:
# untouched stays what is not installed, trusted already or in a schema of its own; the rest is pinned to the schema.
set -eu
folder=$1

while read -r name schema; do
  control=$folder/$name.control
  [ -e "$control" ] || continue
  addition=$(awk -v pin="$schema" '
    {
      sub(/#.*/, "")
      at = index($0, "=")
      if (!at) next
      name = substr($0, 1, at - 1)
      text = substr($0, at + 1)
      gsub(/[ \t]/, "", name)
      gsub(/^[ \t]+|[ \t]+$/, "", text)
      gsub(/^\047+|\047+$/, "", text)
      if (!(name in value)) value[name] = text
    }
    END {
      if (value["trusted"] ~ /^(true|on|yes)$/ || value["superuser"] ~ /^(false|off|no)$/) exit
      if (!("schema" in value)) printf "\ntrusted = true\nrelocatable = false\nschema = \047%s\047\n.", pin
      else if (value["schema"] == "pg_catalog") printf "\ntrusted = true\n."
    }' "$control")
  # Appended through the link that Debian makes of some control files. The dot kept the last line break.
  if [ -n "$addition" ]; then
    printf '%s' "${addition%.}" >>"$control"
    echo "trusted: $name"
  fi
done
