#!/usr/bin/env bash
# pack.sh ARCHIVE FILES MOST_MEGABYTES STRIP
#
# Packs the files that FILES lists, one a line as `source<tab>path in the archive`, below a folder gpu_bundle. Programs
# and libraries are stripped. The same files give the same archive, byte for byte.
set -euo pipefail
archive=$1 files=$2 most_megabytes=$3 strip=$4

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
while IFS=$'\t' read -r source path; do
  target=$staging/gpu_bundle/$path
  mkdir -p "$(dirname "$target")"
  cp -L "$source" "$target"
  chmod u+w "$target"
  if [ "$(head -c 4 "$target" | od -An -tx1)" = " 7f 45 4c 46" ]; then "$strip" -p "$target"; fi
done <"$files"

tar -C "$staging" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -c gpu_bundle | gzip -9n >"$archive"
megabytes=$(($(stat -c %s "$archive") / 1000000))
if [ "$megabytes" -ge "$most_megabytes" ]; then
  echo "the bundle has $megabytes MB, and must have less than $most_megabytes MB; leave some of its largest files out:"
  cd "$staging/gpu_bundle" && find . -type f -printf '%s bytes: %P\n' | sort -rn | head -5
  exit 1
fi >&2
