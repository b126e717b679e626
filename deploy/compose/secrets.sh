#!/bin/sh
# Makes the files in ./secrets that compose.yaml hands to its services. What is there is left alone.
set -eu
umask 077
cd "$(dirname "$0")/../.."

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

mkdir -p secrets
chmod 0700 secrets
[ -s secrets/platform-password ] || random >secrets/platform-password
if [ ! -s secrets/supacloud.toml ]; then
  cat >secrets/supacloud.toml.new <<END
# Keep the master key: without it the projects' passwords and keys can't be read any more.
master_key = "$(random)"

[server]
admin_token = "$(random)"

[database]
url = "postgres://supacloud:$(cat secrets/platform-password)@platform/control_plane"
END
  mv secrets/supacloud.toml.new secrets/supacloud.toml
fi
# Compose mounts the files as they are, and the services read them as users that this machine doesn't know: the folder
# is what keeps others out.
chmod 0644 secrets/platform-password secrets/supacloud.toml
echo 'The token to sign in with is admin_token in secrets/supacloud.toml.'
