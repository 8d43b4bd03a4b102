#!/bin/sh
# Edit a photograph with curl and save the result as edited.png here. Needs GESSO_KEY; see README.md beside this file.
set -eu
url=${GESSO_URL:-http://127.0.0.1:8000}
photo=$(dirname "$0")/photo.jpg

job=$(curl -sS --fail-with-body "$url/v1/jobs" \
  -H "Authorization: Bearer $GESSO_KEY" \
  -H "Prefer: wait=60" \
  -F model=gesso-sketch \
  -F prompt="add a butterfly at the top right" \
  -F image=@"$photo") || { echo "$job" >&2; exit 1; }

link=$(printf '%s' "$job" | sed -n 's/.*"pictures":\[{[^]]*"url":"\([^"]*\)".*/\1/p')
curl -sS --fail -o edited.png "$link"
echo "edited.png"
