#!/bin/sh
# install.sh MAJOR EXTENSIONS REQUIRED: the server and its extensions from the packages of the base. Run by the Dockerfile.
set -eu
major=$1 extensions=$2 required=$3

apt() { apt-get -qq -o Acquire::Retries=3 -o Acquire::Languages=none -o Dpkg::Use-Pty=0 "$@"; }

# Before the package does, so that the numbers are the same in every image: they own what is in the volumes.
groupadd --system --gid 999 postgres
useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql --no-create-home --shell /bin/sh postgres

# The package would make a cluster of its own.
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf

export DEBIAN_FRONTEND=noninteractive
apt update
# Certificates: `http` speaks TLS to others.
packages="postgresql-$major ca-certificates"
for extension in $extensions; do
  package=postgresql-$major-$extension
  if apt-cache show "$package" >/dev/null 2>&1; then
    packages="$packages $package"
    continue
  fi
  case " $required " in
    *" $extension "*)
      echo "required, but not to be had from the package lists: $package" >&2
      exit 1
      ;;
  esac
  echo "left out, not to be had from the package lists: $package"
done
# The words of the packages' scripts are of interest only when one fails.
# shellcheck disable=SC2086 # a list
apt install -y --no-install-recommends -o Dpkg::Options::=--force-confold $packages >/tmp/install.log 2>&1 || {
  cat /tmp/install.log >&2
  exit 1
}

# Only the packages' scripts needed more of Perl than its base, which stays.
for package in $(dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/^\(\(libperl5\|perl-modules-5\).*\) installed$/\1/p'); do
  dpkg -L "$package" | while read -r file; do
    [ -d "$file" ] || rm -f "$file"
  done
done

apt clean
rm -rf "/usr/share/postgresql/$major/man" /var/lib/apt/lists/* /var/cache/debconf/*-old /var/cache/ldconfig /var/log/* /tmp/* /etc/postgresql /var/lib/postgresql
# Mount points: an empty volume takes over the owner of the folder that it is mounted on.
install -d -o postgres -g postgres -m 0700 /var/lib/postgresql /template /run/postgresql

# What was left out above must not be missed by anything that is there.
missing=$(find "/usr/lib/postgresql/$major" -type f \( -name '*.so' -o -path '*/bin/*' \) -exec ldd {} + 2>/dev/null | grep 'not found' || true)
if [ -n "$missing" ]; then
  echo "libraries are missing: $missing" >&2
  exit 1
fi
echo "installed: $packages"
