# Every entry point of the project: the same commands for people and for CI.
#
# One cargo profile (release) for demo, tests and benches, so that RocksDB is compiled once; one target directory
# outside the clone, so that it is compiled once a machine. Override with CARGO_TARGET_DIR.

SHELL := /bin/sh
.DEFAULT_GOAL := help

CARGO_TARGET_DIR ?= $(HOME)/.cache/vauban/target
export CARGO_TARGET_DIR

CARGO ?= cargo
RELEASE := --release --locked
# cargo-nextest runs each test in a process of its own, several at once; cargo's own runner does without it.
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)
# Seconds that each fuzz target runs under `make fuzz`.
SECONDS_EACH ?= 60
# Lives that `make simulate` plays, and the first one's seed.
SEEDS ?= 100000
FIRST_SEED ?= 0

.PHONY: help
help: ## Shows this list.
	@echo 'Vauban: end-to-end encrypted file storage, on your own nodes.'
	@echo
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo '  Builds go to $(CARGO_TARGET_DIR)'

.PHONY: tools
tools: ## Installs the build tools that are missing (Debian packages), or says how.
	@deploy/install-build-tools.sh

.PHONY: test-tools
test-tools: ## Installs what the tests use beside that (Debian packages, a browser), where it may.
	@deploy/install-test-tools.sh

.PHONY: build
build: tools ## Builds the two programs, vauban and vauban-node.
	$(CARGO) build $(RELEASE) --package vauban-node --package vauban-client --bins

.PHONY: demo
demo: build ## Plays the whole story on loopback. DIR=… syncs that folder; KEEP=1 leaves it up; CAPTURE=1 listens to packets.
	$(CARGO) build $(RELEASE) --package vauban-tests --bins
	@deploy/demo.sh

# Where tests that a machine does not let run leave a line each.
SKIPPED := $(CARGO_TARGET_DIR)/skipped-tests
ifeq ($(NEXTEST),yes)
RUN_TESTS := $(CARGO) nextest run $(RELEASE) --workspace --no-fail-fast
else
RUN_TESTS := $(CARGO) test $(RELEASE) --workspace --no-fail-fast --lib --bins --tests
endif

.PHONY: test
test: build test-tools ## Runs every test; arguments for the runner by ARGS=…. VAUBAN_DEMANDS=browser,clock,… has none of those skipped.
	@: >'$(SKIPPED)'
	VAUBAN_SKIPPED='$(SKIPPED)' $(RUN_TESTS) $(ARGS) && $(CARGO) test $(RELEASE) --workspace --doc; \
	  status=$$?; deploy/skipped-tests.sh '$(SKIPPED)'; exit $$status

# Minutes of random edits under `make sync-soak`.
MINUTES ?= 60

.PHONY: sync-soak
sync-soak: build ## Two real clients and a node under random edits for MINUTES (60); `make test` does two minutes.
	VAUBAN_SOAK_SECONDS=$$(( $(MINUTES) * 60 )) $(if $(SEED),VAUBAN_SEED=$(SEED)) \
	  $(CARGO) test $(RELEASE) --package vauban-tests --test processes two_watching_clients -- --nocapture

# Rounds of `make soak`.
ROUNDS ?= 200

.PHONY: soak
soak: build ## A cluster's three nodes killed at once, ROUNDS (200) times, under load; `make test` does ten.
	VAUBAN_ROUNDS=$(ROUNDS) $(if $(SEED),VAUBAN_SEED=$(SEED)) \
	  $(CARGO) test $(RELEASE) --package vauban-tests --test processes kill9_all_nodes -- --nocapture

.PHONY: check
check: tools ## Formatting, lints and documentation; never writes to the sources.
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(RELEASE) --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(RELEASE) --workspace --no-deps

.PHONY: fix
fix: tools ## Formats, and applies what the lints propose.
	$(CARGO) clippy $(RELEASE) --workspace --all-targets --fix --allow-dirty --allow-staged
	$(CARGO) fmt --all

.PHONY: bench
bench: build ## Measures; each figure beside what it must reach.
	$(CARGO) bench --locked --package vauban-benches $(ARGS)

.PHONY: fuzz
fuzz: tools ## Runs each fuzz target for SECONDS_EACH (60); `make test` runs them for moments.
	BOLERO_RANDOM_TEST_TIME_MS=$(SECONDS_EACH)000 BOLERO_RANDOM_ITERATIONS=1000000000 \
	  $(CARGO) test $(RELEASE) --workspace --lib --tests fuzz -- --test-threads 1

.PHONY: simulate
simulate: tools ## Simulates SEEDS (100000) lives of the sync client from FIRST_SEED (0) on, on all cores.
	SEEDS=$(SEEDS) FIRST_SEED=$(FIRST_SEED) \
	  $(CARGO) test $(RELEASE) --package vauban-tests --test simulation no_life -- --nocapture

.PHONY: simulate-weakened
simulate-weakened: tools ## Takes each safety check of the client away in turn, simulates until that is noticed, and lists where.
	$(CARGO) test $(RELEASE) --package vauban-tests --test simulation each_check -- --nocapture

.PHONY: transcripts
transcripts: build ## Records the guides' transcripts anew, in both languages; git diff then shows what changed.
	$(CARGO) build $(RELEASE) --package vauban-tests --bins
	@deploy/transcripts.sh

.PHONY: models
models: ## Checks the formal models of crypto/models, which takes ProVerif.
	@crypto/models/check.sh
