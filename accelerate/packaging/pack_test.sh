#!/usr/bin/env bash
# What pack.py makes of a program, a library of its own and those of the machine.
set -euo pipefail
pack=$PWD/accelerate/packaging/pack.py
cd "$TEST_TMPDIR"

fail() {
  echo "$1" >&2
  exit 1
}

mkdir built
echo 'int answer() { return 42; }' | g++ -shared -fPIC -x c++ - -o built/libanswer.so
echo '#include <iostream>
int answer();
int main() { std::cout << answer() << "\n"; }' | g++ -x c++ - -Lbuilt -lanswer -Wl,-rpath,"$PWD/built" -o built/program
mkdir built/folder
echo text >built/folder/text

# contents FILE... as JSON
contents() {
  printf '{"compiler": "g++", "elsewhere": ["libstdc++.so.6"], "libraries": "it/lib", "notices": "it/notices",'
  printf '"programs": {"it/program": "$ORIGIN/lib"},'
  printf '"files": [["built/program", "it/program"], ["built/folder", "it/data"]%s]}' "$*"
}
contents ', ["built/libanswer.so", "it/lib/libanswer.so"]' >contents.json
"$pack" contents.json first.tar
touch built/* && "$pack" contents.json second.tar
cmp first.tar second.tar || fail "the same files gave two archives"

tar -xf first.tar
mv built gone
[ "$(it/program)" = 42 ] || fail "the program does not find its library"
# libstdc++ is elsewhere, but not what else g++ links a program with.
[[ $(readelf -d it/program) != *libgcc_s* ]] || [ -e it/lib/libgcc_s.so.1 ] || fail "a library is missing"
[ ! -e it/lib/libc.so.6 ] || fail "the C library was taken along"
[ ! -e it/lib/libstdc++.so.6 ] || fail "a library that is elsewhere was taken along"
[ "$(cat it/data/text)" = text ] && [ ! -x it/data/text ] && [ -x it/program ] || fail "the data is not as it was"

mv gone built
contents ', ["built/libanswer.so", "it/lib/libanswer.so"]' | sed 's/"libstdc++.so.6"//' >contents.json
"$pack" contents.json whole.tar
mkdir whole && tar -xf whole.tar -C whole
[ -e whole/it/lib/libstdc++.so.6 ] || fail "a library of this machine is missing"
# Where it is a Debian package's.
if dpkg-query -S "$(readlink -f "$(g++ -print-file-name=libstdc++.so.6)")" >/dev/null 2>&1; then
  grep -qi 'runtime library exception' whole/it/notices/libstdc++6 ||
    fail "a library of this machine came without its notice"
  [ -s whole/it/notices/common-licenses/GPL-3 ] || fail "the licence that a notice names is missing"
fi

contents ', ["built/libanswer.so", "it/program"]' >contents.json
! "$pack" contents.json third.tar 2>errors || fail "one file took the place of another"
grep -q 'built/program and built/libanswer.so would both be it/program' errors || fail "not named: $(cat errors)"

contents >contents.json
! "$pack" contents.json third.tar 2>errors || fail "a program was packed without its library"
grep -q 'program loads libanswer.so, which is neither among the program.s libraries nor' errors ||
  fail "the error does not name the library: $(cat errors)"
