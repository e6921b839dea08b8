# What can be done here: `make help`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
PROGRAMS := --package tracker --package origin --package peer-box

# How many boxes the demo starts, and whether it publishes by itself.
BOXES ?= 3
PUBLISH ?= yes

# How long each target is fuzzed, and which.
SECONDS ?= 120
TARGETS ?=

# What the lab is told: parts, and more in `lab --help`.
LAB_ARGS ?=

.PHONY: help demo test build player bench bench-origin bench-box bench-tracker bench-player simulate-tracker lab conformance screenshots release fuzz hostile faults audit fmt clean

help: ## What can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: player ## A whole mesh with a stream in it, to be watched in a browser [BOXES=3] [PUBLISH=yes|no]
	@deploy/cxx.sh
	@echo "Building the programs; the first time this takes several minutes."
	@cargo build --release $(PROGRAMS) --package tests --bins
	@exec $(TARGET)/release/demo --boxes $(BOXES) --publish $(PUBLISH)

test: ## Everything that has to hold: format, lints, docs, unit, end-to-end and browser tests
	@deploy/check.sh

build: player ## The programs, for trying them out and for the tests
	@deploy/cxx.sh
	@cargo build --workspace --bins

player: web-player/dist/watch.html ## The web player, which the tracker serves

bench: player tests/browser/node_modules/.package-lock.json tests/players/node_modules/.package-lock.json ## What origin, box and tracker cost beside nginx, and how fast chunks travel
	@deploy/need.sh c++ chromium ffmpeg nginx-rtmp redis-server wrk
	@cargo build --release $(PROGRAMS) --package tests --bins
	@exec $(TARGET)/release/bench

bench-origin: player ## What the origin costs, bears and takes, each beside its goal
	@deploy/need.sh c++ ffmpeg nginx-rtmp
	@cargo build --release $(PROGRAMS) --package tests --bins
	@exec $(TARGET)/release/bench cost crowd delay

bench-box: player ## What a box serves, beside nginx and to a thousand viewers, each beside its goal
	@deploy/need.sh c++ ffmpeg nginx-rtmp wrk
	@cargo build --release $(PROGRAMS) --package tests --bins
	@exec $(TARGET)/release/bench box

bench-tracker: player ## What a tracker answers while ten thousand boxes announce, beside nginx, each beside its goal
	@deploy/need.sh c++ nginx redis-server wrk
	@cargo build --release $(PROGRAMS) --package tests --bins
	@exec $(TARGET)/release/bench tracker

bench-player: player tests/browser/node_modules/.package-lock.json tests/players/node_modules/.package-lock.json ## How soon a viewer sees the first picture and how old it is, beside nginx and dash.js
	@deploy/need.sh c++ chromium ffmpeg nginx-rtmp
	@cargo build --release $(PROGRAMS) --package tests --bins
	@exec $(TARGET)/release/bench player

simulate-tracker: ## How viewers are spread when a crowd comes at once, by the tracker's own choice
	@cargo run --release --package tracker --example choice -- docs/choice.svg

lab: player ## Many boxes in network namespaces with shaped uplinks, as at home; needs root [LAB_ARGS="plain --boxes 10,30"]
	@deploy/need.sh c++ ffmpeg ip
	@cargo build --release $(PROGRAMS)
	@cargo build --release --package tests --features strangers --bin lab --bin stranger
	@exec $(TARGET)/release/lab --plot docs/lab.svg $(LAB_ARGS)

conformance: player tests/players/node_modules/.package-lock.json ## Every manifest checked, and played by the players that it is for [BOXMESH_DASH_SCHEMA=…/DASH-MPD.xsd]
	@deploy/need.sh c++ ffmpeg chromium mpv vlc gstreamer xmllint
	@cargo build --release $(PROGRAMS) --package tests --bins
	@exec $(TARGET)/release/conformance

screenshots: player tests/browser/node_modules/.package-lock.json ## Pictures of the pages for the documents, in docs/images
	@deploy/need.sh c++ ffmpeg chromium
	@cargo build --release $(PROGRAMS) --package tests --bins
	@deploy/screenshots.sh $(TARGET)/release/demo docs/images

release: player ## Static programs for people without Rust, packed with their checksums [RELEASED="peer-box origin tracker"]
	@deploy/need.sh c++
	@deploy/release.sh

hostile: ## Tells a tracker 10,000 addresses of others, and 100,000 announcements that were said before; takes minutes
	cargo test -p tracker --lib -- --ignored api::tests::hostile

faults: build ## Redis away for half a minute and all trackers for a whole one, while somebody watches; takes minutes
	@deploy/need.sh c++ chromium redis-server
	cargo test -p tests --test end_to_end -- --ignored --nocapture --test-threads 1 faults

fuzz: ## Feeds noise to everything that strangers can say something to [SECONDS=120] [TARGETS="seal feed"]
	@deploy/need.sh c++
	@deploy/fuzz.sh $(SECONDS) $(TARGETS)

audit: ## Licences and known weaknesses of what this depends on
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing: cargo install --locked cargo-deny" >&2; exit 1; }
	@cargo deny check
	@npm --prefix web-player audit --omit=dev

fmt: web-player/node_modules/.package-lock.json ## Formats everything
	@cargo fmt --all
	@npm --prefix web-player run format --silent

clean: ## Removes what was built
	@cargo clean
	@rm -rf web-player/dist web-player/dist-unverified web-player/node_modules tests/browser/node_modules tests/players/node_modules

PLAYER_SOURCES := $(shell find web-player -type f -not -path '*/node_modules/*' -not -path '*/dist*' 2>/dev/null)

web-player/node_modules/.package-lock.json: web-player/package-lock.json
	@npm --prefix web-player ci --no-audit --no-fund --loglevel=error
	@touch $@

tests/players/node_modules/.package-lock.json: tests/players/package-lock.json
	@npm --prefix tests/players ci --no-audit --no-fund --loglevel=error
	@touch $@

tests/browser/node_modules/.package-lock.json: tests/browser/package-lock.json
	@npm --prefix tests/browser ci --no-audit --no-fund --loglevel=error
	@touch $@

web-player/dist/watch.html: web-player/node_modules/.package-lock.json $(PLAYER_SOURCES)
	@npm --prefix web-player run build --silent
	@touch $@
