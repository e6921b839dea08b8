#!/usr/bin/env bash
# Builds the fuzz targets with LLVM's coverage counters, which stable Rust has too, and runs each for a while.
#   deploy/fuzz.sh [SECONDS] [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=${1:-120}
targets=("${@:2}")
((${#targets[@]})) || targets=(rtmp_session flv_tags configuration seal feed exchange announcement session manifest steering)
host=$(rustc -vV | sed -n 's/^host: //p')
build=${CARGO_TARGET_DIR:-../target}/fuzz

export RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
# With a target named, build scripts and macros are built without the counters.
bins=()
for target in "${targets[@]}"; do bins+=(--bin "$target"); done
cargo build --release --locked --target "$host" --target-dir "$build" "${bins[@]}"

for target in "${targets[@]}"; do
  # What is found on the way stays in the build folder; what was committed is the seed.
  found="$build/corpus/$target"
  mkdir -p "$found" "corpus/$target"
  echo "fuzzing $target for $seconds s"
  "$build/$host/release/$target" "$found" "corpus/$target" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -artifact_prefix="$build/$target-" -print_final_stats=1 2>&1 |
    awk '/ERROR|panicked|SUMMARY|Test unit written/ { print } /^stat::number_of_executed_units|^stat::peak_rss_mb|^stat::new_units/ { print "  " $0 }'
done
