#!/usr/bin/env bash
# A command that builds needs no package of the tests; one that tests needs those of both.
set -euo pipefail

fail() {
  echo "$1"
  exit 1
}
./bazelw --packages build >"$TEST_TMPDIR/build" 2>"$TEST_TMPDIR/errors" || {
  grep -q 'no system whose packages are known here' "$TEST_TMPDIR/errors" || fail "$(cat "$TEST_TMPDIR/errors")"
  echo "skipped: the packages of this system are not known"
  exit 0
}
grep -qx 'g++' "$TEST_TMPDIR/build" || fail "it would build without a compiler"
only_tests=$(sed '/^#/d; /^$/d' third_party/debian/test_packages.txt third_party/debian/debian_test_packages.txt)
for package in $only_tests; do
  ! grep -qx -e "$package" "$TEST_TMPDIR/build" || fail "$package is for tests, and a build installs it"
done

for command in run query "--nohome_rc build" "--output_base /x run"; do
  # Options of Bazel's own may stand before the command.
  ./bazelw --packages $command | cmp - "$TEST_TMPDIR/build" || fail "$command is no test, and installs something else than build"
done
for command in test coverage "--nohome_rc test" "--output_base /x test"; do
  ./bazelw --packages $command >"$TEST_TMPDIR/test"
  for package in $(cat "$TEST_TMPDIR/build") slurmctld; do
    grep -qx -e "$package" "$TEST_TMPDIR/test" || fail "$command lacks $package"
  done
  [ -z "$(sort "$TEST_TMPDIR/test" | uniq -d)" ] || fail "two lists have the same package"
done
echo "passed"
