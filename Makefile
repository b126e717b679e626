# The two commands that matter are `make run` and `make test`; both set up the machine first (setup.sh).
# Where a build goes is CARGO_TARGET_DIR (default ./target); where the server listens and keeps its data is the server's
# own environment, such as SUPACLOUD_SERVER__LISTEN and SUPACLOUD_SERVER__DATA_DIR, which pass through.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.ONESHELL:
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup setup-test build run dev test format lint test-build unit browser bench clean

export CARGO_TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),target))
export PATH := $(shell ./setup.sh path):$(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

target := $(CARGO_TARGET_DIR)
binary := $(target)/release/supacloud
site := $(target)/site
# Programs that run beside the server, each a crate of the same name; the server looks for them beside itself.
programs := $(notdir $(patsubst %/src/main.rs,%,$(wildcard $(addprefix data-plane/,$(addsuffix /src/main.rs,auth node rest)))))

# For a release build alone: `cargo leptos watch` fails with hashed names. The server needs neither; it finds the site
# and hash.txt beside itself.
release_env := LEPTOS_SITE_ROOT="$(site)" LEPTOS_HASH_FILES=true RUST_BACKTRACE=0

# What a release is made of. cargo leptos compresses and hashes everything anew at each call (half a minute), so it is
# called only when one of these has changed.
release_inputs := $(wildcard .cargo Cargo.toml Cargo.lock package-lock.json setup.sh app data-plane frontend migration public server style)
fingerprint = { rustc -V; find $(release_inputs) -type f ! -path '*/tests/*' ! -name '*.md' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; } | sha256sum

# $(call timed,WHAT,COMMAND): how long each part of `make test` took, for whoever wants it shorter.
timed = start=$$SECONDS; echo "== $(1)"; $(2); echo "== $(1): $$((SECONDS - start)) s"

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## Install what `make run` needs
	@./setup.sh run

setup-test: ## Install what `make test` needs
	@./setup.sh test

build: setup ## Build the release, unless it is up to date
	@mkdir -p "$(target)"
	exec 9>"$(target)/.supacloud-release.lock"
	flock 9
	stamp="$(target)/.supacloud-release"
	wanted=$$($(fingerprint))
	built() { for program in supacloud $(programs); do [[ -x "$(target)/release/$$program" ]] || return 1; done; }
	if built && [[ -d "$(site)/pkg" && -e "$$stamp" && "$$(<"$$stamp")" == "$$wanted" ]]; then
		echo "build: the release is up to date"
		exit 0
	fi
	rm -f "$$stamp"
	echo "build: building the release (the first time about 6 minutes on 2 cores)"
	env $(release_env) cargo leptos build --release --precompress --cargo-locked 9>&-
	# Selected with the server, so that they are built with its dependencies' features and none is compiled twice.
	if [[ -n "$(programs)" ]]; then cargo build --release --locked -p server $(addprefix -p ,$(programs)) $(addprefix --bin ,$(programs)) 9>&-; fi
	# cargo-leptos packs in a hurry: a fifth larger than need be.
	find "$(site)" -name '*.gz' | while read -r packed; do gzip -9 -n -c "$${packed%.gz}" >"$$packed"; done
	echo "$$wanted" >"$$stamp"

run: build ## Set up, build the release and run it in the foreground; Ctrl-C stops it
	@exec "$(binary)"

dev: setup ## Build, run and reload at every change
	@exec cargo leptos watch

# Tests wait much of their time: what they leave of the processors goes to the release, which the browser's tests need.
test: setup-test ## Set up, then every check and test there is
	@start_all=$$SECONDS
	$(call timed,formatting,$(MAKE) format)
	$(call timed,lints,$(MAKE) lint)
	$(call timed,test build,$(MAKE) test-build)
	chrt --idle 0 $(MAKE) build >"$(target)/tests/release.log" 2>&1 & release=$$!
	trap 'kill $$release 2>/dev/null || true' EXIT
	$(call timed,unit and integration tests,$(MAKE) unit)
	$(call timed,rest of the release build,wait $$release || { cat "$(target)/tests/release.log"; exit 1; })
	$(call timed,browser and client tests,$(MAKE) browser)
	echo "== everything: $$((SECONDS - start_all)) s"

format: ## Check the formatting
	@cargo fmt --all --check

# The browser's half and the server's half are checked apart: one call for both would unify the features ssr and hydrate.
lint: ## Clippy for the server and for the browser, and the types of the browser tests
	@cargo clippy -p frontend --target wasm32-unknown-unknown --locked -- -D warnings
	cargo clippy --workspace --exclude frontend --all-targets --locked -- -D warnings
	cd end2end && npm run --silent check

# Cargo makes the programs that run beside the server with their own tests, and before any test runs: tests of the Docker
# driver put them into images, and find them beside the server's. (Examples are built by the lints.)
test-build:
	@mkdir -p "$(target)/tests"
	cargo test --workspace --exclude frontend --tests --locked --no-run --message-format json-render-diagnostics >"$(target)/tests/built.json"

unit: test-build ## Unit and integration tests
	@node .ci/tests.mjs "$(target)/tests" <"$(target)/tests/built.json"
	cargo test --workspace --exclude frontend --locked --doc

# One file or one test: make browser ARGS='specs/create.spec.ts -g paused'
browser: ## Tests of the built release in a browser and with real clients (ARGS=... goes to Playwright)
	@rm -f end2end/artefacts/server-*.log
	cd end2end && env SUPACLOUD_BINARY="$(binary)" SUPACLOUD_PYTHON="$$(../setup.sh python)" npx --no-install playwright test $(ARGS)

# The bound of sign-ins is measured by a program of ours; selected as the programs beside the server are, for the same reason.
bench: build ## Measure, and print the figures beside their floors
	@./setup.sh bench
	cargo build --release --locked -p server $(addprefix -p ,$(programs)) -p hashes --bin hashes
	cd end2end && env SUPACLOUD_BINARY="$(binary)" node --disable-warning=ExperimentalWarning bench/main.ts

clean: ## Remove what was built and installed in this clone; data stays
	@cargo clean --quiet
	rm -rf node_modules end2end/node_modules end2end/bench/peer/node_modules end2end/artefacts
