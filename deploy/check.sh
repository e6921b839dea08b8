#!/usr/bin/env bash
# Everything that has to hold before a change is good: what `make test` runs.
#
# Each step is announced, the first one that fails ends it, and the last lines say what ran.
set -euo pipefail
cd "$(dirname "$0")/.."

logs=$(mktemp -d)
summary=()
running=

# step NAME COMMAND...: runs it, and adds its name and time to the summary.
step() {
  local started=$SECONDS
  running=$1
  shift
  printf '\n==> %s\n' "$running"
  "$@"
  summary+=("$(printf '%-34s passed  %4d s' "$running" $((SECONDS - started)))")
}

rust_docs() {
  RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" cargo doc --no-deps --workspace --quiet
}
rust_tests() {
  cargo test --workspace --no-fail-fast 2>&1 | tee "$logs/rust"
}
stranger_tests() {
  cargo test --package tests --features strangers --test strangers 2>&1 | tee "$logs/strangers"
}
player_tests() {
  NO_COLOR=1 npm --prefix web-player test 2>&1 | tee "$logs/player"
}
page_tests() {
  NO_COLOR=1 npm --prefix web-player run test:pages 2>&1 | tee "$logs/pages"
}
quiet_ci() {
  npm --prefix "$1" ci --no-audit --no-fund --loglevel=error
}

# Adds up the verdicts in cargo's and Vitest's own words: what passed, failed and was skipped, for each
# kind of tests, and then of all.
verdicts() {
  { cat "$logs"/* 2>/dev/null || true; } | awk '
    /^ *Running |^ *Doc-tests / { kind = /end_to_end/ ? "end to end" : "Rust" }
    /^test result:/ { add(kind) }
    /^ *Tests  / { add("web-player") }
    function add(kind,   i, word) {
      for (i = 2; i <= NF; i++) {
        word = $i
        sub(/[;,]$/, "", word)
        if (word == "ignored") word = "skipped"
        if (word !~ /^(passed|failed|skipped)$/) continue
        count[kind, word] += $(i - 1)
        count["all", word] += $(i - 1)
      }
    }
    function verdict(kind) {
      return sprintf("%d passed, %d failed, %d skipped",
        count[kind, "passed"], count[kind, "failed"], count[kind, "skipped"])
    }
    END {
      split("web-player,Rust,end to end", kinds, ",")
      for (i = 1; i <= 3; i++) printf "  %-34s %s\n", kinds[i], verdict(kinds[i])
      print "tests: " verdict("all")
    }'
}

# The verdict stands at the end whatever happened before it.
conclude() {
  local status=$?
  printf '\n==> What ran\n'
  if [ ${#summary[@]} -gt 0 ]; then
    printf '  %s\n' "${summary[@]}"
  fi
  if [ "$status" != 0 ]; then
    printf '  %-34s failed\n' "$running"
  fi
  verdicts
  rm -rf "$logs"
  exit "$status"
}
trap conclude EXIT

step 'tools' deploy/need.sh c++ ffmpeg redis-server chromium
step 'web-player: packages' quiet_ci web-player
step 'web-player: lint' npm --prefix web-player run lint
step 'web-player: unit tests' player_tests
step 'web-player: build' npm --prefix web-player run build
step 'web-player: page tests' page_tests
step 'web-player: unverified build' npm --prefix web-player run build:unverified
step 'browser tests: packages' quiet_ci tests/browser
step 'stock players: packages' quiet_ci tests/players
step 'formatting' cargo fmt --all --check
step 'clippy' cargo clippy --workspace --all-targets --quiet -- -D warnings
step 'docs' rust_docs
step 'build' cargo build --workspace --bins --quiet
step 'unit, end-to-end and browser tests' rust_tests
step 'boxes that do wrong' stranger_tests
