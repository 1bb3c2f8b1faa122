#!/usr/bin/env bash
# What pack.sh makes of a program, a text and a limit.
set -euo pipefail
pack=$PWD/testing/gpu_bundle/pack.sh
cd "$TEST_TMPDIR"

fail() {
  echo "$1" >&2
  exit 1
}

echo 'int main() {}' | g++ -g -x c++ - -o program
echo text >text
printf '%s\t%s\n' program runfiles/program text data/text >files

"$pack" first.tar.gz files 50 strip
"$pack" second.tar.gz files 50 strip
cmp first.tar.gz second.tar.gz || fail "the same files gave two archives"

tar -xzf first.tar.gz
gpu_bundle/runfiles/program || fail "the program does not run"
[ "$(cat gpu_bundle/data/text)" = text ] || fail "the text is another"
! readelf -S gpu_bundle/runfiles/program | grep -q debug_info || fail "the program is not stripped"
readelf -S program | grep -q debug_info || fail "the program was stripped where it lies"

head -c 2000000 /dev/urandom >noise
printf '%s\t%s\n' noise data/noise >files
! "$pack" third.tar.gz files 1 strip 2>errors || fail "an archive above the limit was made"
grep -q 'has 2 MB, and must have less than 1 MB' errors || fail "the error says nothing of the limit: $(cat errors)"
grep -q '2000000 bytes: data/noise' errors || fail "the error does not name the largest file: $(cat errors)"
