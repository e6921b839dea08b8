#!/usr/bin/env bash
# Everything that has to hold before a change is good: what `make test` runs.
#
# Each step is announced, the first one that fails ends it, and the last lines say what ran.
set -euo pipefail
cd "$(dirname "$0")/.."

logs=$(mktemp -d)
summary=()

# step NAME COMMAND...: runs it, and adds its name and time to the summary.
step() {
  local name=$1 started=$SECONDS
  shift
  printf '\n==> %s\n' "$name"
  "$@"
  summary+=("$(printf '%-34s passed  %4d s' "$name" $((SECONDS - started)))")
}

rust_docs() {
  RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" cargo doc --no-deps --workspace --quiet
}
rust_tests() {
  cargo test --workspace --no-fail-fast 2>&1 | tee "$logs/rust"
}
player_tests() {
  NO_COLOR=1 npm --prefix web-player test 2>&1 | tee "$logs/player"
}
quiet_ci() {
  npm --prefix "$1" ci --no-audit --no-fund --loglevel=error
}

# Counts "N passed" in the lines of cargo's and Vitest's own verdicts.
count() {
  local word=$1 pattern=$2 log=$3
  { grep -E "$pattern" "$log" || true; } | { grep -Eo "[0-9]+ $word" || true; } \
    | awk '{ sum += $1 } END { print sum + 0 }'
}

# The verdict stands at the end whatever happened before it.
conclude() {
  local status=$?
  printf '\n==> What ran\n'
  if [ ${#summary[@]} -gt 0 ]; then
    printf '  %s\n' "${summary[@]}"
  fi
  local passed=0 failed=0 skipped=0 log
  for log in rust player; do
    [ -e "$logs/$log" ] || continue
    local verdict='^test result:'
    [ "$log" = player ] && verdict='^ *Tests '
    passed=$((passed + $(count passed "$verdict" "$logs/$log")))
    failed=$((failed + $(count failed "$verdict" "$logs/$log")))
    skipped=$((skipped + $(count '(ignored|skipped)' "$verdict" "$logs/$log")))
  done
  if [ "$status" != 0 ]; then
    echo "  the step after these failed"
  fi
  echo "tests: $passed passed, $failed failed, $skipped skipped"
  rm -rf "$logs"
  exit "$status"
}
trap conclude EXIT

step 'tools' deploy/need.sh c++ ffmpeg redis-server chromium
step 'web-player: packages' quiet_ci web-player
step 'web-player: lint' npm --prefix web-player run lint
step 'web-player: unit tests' player_tests
step 'web-player: build' npm --prefix web-player run build
step 'web-player: unverified build' npm --prefix web-player run build:unverified
step 'browser tests: packages' quiet_ci tests/browser
step 'formatting' cargo fmt --all --check
step 'clippy' cargo clippy --workspace --all-targets --quiet -- -D warnings
step 'docs' rust_docs
step 'build' cargo build --workspace --bins --quiet
step 'unit, end-to-end and browser tests' rust_tests
