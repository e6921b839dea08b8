#!/usr/bin/env bash
# Makes sure that tools are there: need.sh TOOL...
#
# What is missing is installed with apt where root or a sudo without a password can;
# elsewhere the exact command is printed and this ends with an error.
set -euo pipefail

# The Debian package of each tool that anything here asks for.
package_of() {
  case "$1" in
    c++) echo g++ ;;
    nginx-rtmp) echo nginx libnginx-mod-rtmp ;;
    gstreamer) echo gstreamer1.0-tools gstreamer1.0-plugins-{base,good,bad} gstreamer1.0-libav ;;
    ip) echo iproute2 ;;
    vlc) echo vlc-bin vlc-plugin-base ;;
    xmllint) echo libxml2-utils ;;
    *) echo "$1" ;;
  esac
}

is_there() {
  case "$1" in
    chromium) command -v "${CHROMIUM:-chromium}" ;;
    gstreamer) command -v gst-launch-1.0 && gst-inspect-1.0 dashdemux && gst-inspect-1.0 avdec_h264 ;;
    nginx-rtmp)
      PATH=$PATH:/usr/sbin command -v nginx && test -e /usr/lib/nginx/modules/ngx_rtmp_module.so
      ;;
    *) command -v "$1" ;;
  esac >/dev/null 2>&1
}

packages=()
for tool in "$@"; do
  if ! is_there "$tool"; then
    read -ra more <<<"$(package_of "$tool")"
    packages+=("${more[@]}")
  fi
done
if [ ${#packages[@]} -eq 0 ]; then
  exit 0
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
  as_root=(sudo)
fi
install=("${as_root[@]}" apt-get install -y --no-install-recommends "${packages[@]}")
update=("${as_root[@]}" apt-get update)

by_hand() {
  {
    echo "$1 Install it, then run this again:"
    echo "  ${update[*]} && ${install[*]}"
  } >&2
  exit 1
}

if ! command -v apt-get >/dev/null; then
  by_hand "Missing here: ${packages[*]}, and there is no apt-get."
fi
if [ ${#as_root[@]} -gt 0 ] && ! sudo -n true 2>/dev/null; then
  by_hand "Missing here: ${packages[*]}, and installing needs root."
fi

echo "Installing what is missing: ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${update[@]}" && "${install[@]}"; } >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  by_hand "Installing failed."
fi
