#!/usr/bin/env bash
# Pictures of the pages for the documents, of a mesh that is started for them: what `make screenshots` runs.
#
#   deploy/screenshots.sh DEMO FOLDER
set -euo pipefail
demo=$1
folder=$2

log=$(mktemp)
"$demo" --boxes 5 >"$log" 2>&1 &
mesh=$!
finish() {
  kill -INT "$mesh" 2>/dev/null || true
  wait "$mesh" 2>/dev/null || true
  rm -f "$log"
}
trap finish EXIT

page=
for _ in $(seq 120); do
  page=$(awk '$1 == "watch" { print $2; exit }' "$log")
  [ -z "$page" ] || break
  kill -0 "$mesh" 2>/dev/null || { cat "$log" >&2; exit 1; }
  sleep 1
done
[ -n "$page" ] || { cat "$log" >&2; exit 1; }
mkdir -p "$folder"
node tests/browser/screenshots.mjs "${page%/watch/*}" "$folder"
ls -l "$folder"
