#!/usr/bin/env bash
# Makes clip.mp4, the picture and sound that the built-in publisher replays in
# a loop. Made by ffmpeg's test sources alone, so there is nothing to credit.
#
# Eight seconds hold exactly 200 pictures at 25/s and 375 AAC frames at
# 48 kHz, so that the loop has no seam in either track. B-frames are on: the
# origin has to get their composition times right.
set -euo pipefail
cd "$(dirname "$0")"

ffmpeg -hide_banner -loglevel warning -y \
  -f lavfi -i testsrc2=size=640x360:rate=25 \
  -f lavfi -i "aevalsrc=0.2*sin(2*PI*440*t)*lt(mod(t\,1)\,0.1)+0.02*sin(2*PI*220*t):sample_rate=48000" \
  -map 0:v -map 1:a -t 8 \
  -c:v libx264 -preset slow -profile:v main -pix_fmt yuv420p -b:v 550k -maxrate 700k -bufsize 700k \
  -bf 2 -g 50 -keyint_min 50 -sc_threshold 0 -flags +cgop \
  -c:a aac -b:a 64k -ac 2 \
  -map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
  -movflags +faststart clip.mp4
ls -l clip.mp4
