#!/usr/bin/env bash
# Packs the programs for people without Rust: static, so that any Linux of this machine's kind runs them.
#
# What comes out: release/boxmesh-VERSION-HOST.tar.gz, with the programs, README, LICENSE, docs and the service, and
# SHA256SUMS beside it. RELEASED="peer-box" packs that one alone.
set -euo pipefail
cd "$(dirname "$0")/.."

read -ra programs <<<"${RELEASED:-peer-box origin tracker}"
host=$(rustc --print host-tuple)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
name=boxmesh-$version-$host
built=${CARGO_TARGET_DIR:-target}

packages=()
for program in "${programs[@]}"; do
  packages+=(--package "$program")
done
# With the target named, what runs while building (procedural macros, build scripts) stays as it is.
RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" \
  cargo build --release --locked --target "$host" "${packages[@]}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/$name/docs" release
for program in "${programs[@]}"; do
  binary=$built/$host/release/$program
  # ldd fails for what needs no loader, which is what is wanted here.
  if needed=$(ldd "$binary" 2>&1) && [[ $needed != *'statically linked'* ]]; then
    printf '%s is not static:\n%s\n' "$program" "$needed" >&2
    exit 1
  fi
  "$binary" --version
  install -m 0755 "$binary" "$work/$name/$program"
done
cp README.md LICENSE "$work/$name/"
cp docs/volunteering.md docs/operating.md "$work/$name/docs/"
cp deploy/peer-box.service "$work/$name/"

# The same programs give the same archive, whoever packs them and when.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime='2020-01-01 00:00:00Z' \
  -C "$work" -cf - "$name" | gzip -9n >"release/$name.tar.gz"
(cd release && sha256sum -- *.tar.gz >SHA256SUMS && cat SHA256SUMS)
