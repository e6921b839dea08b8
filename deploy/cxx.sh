#!/usr/bin/env bash
# Ends with a clear word when there is no C++ compiler: libzmq is built from source.
set -euo pipefail

for compiler in "${CXX:-c++}" g++ clang++; do
  if command -v "$compiler" >/dev/null; then
    exit 0
  fi
done
{
  echo "There is no C++ compiler here, and ZeroMQ's library is built from source."
  echo "Install one, then run this again:"
  echo "  Debian, Ubuntu:  sudo apt-get install g++"
  echo "  Fedora:          sudo dnf install gcc-c++"
  echo "  macOS:           xcode-select --install"
} >&2
exit 1
