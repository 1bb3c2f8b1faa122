#!/bin/sh
# Passes when clang-format would change no C++ source of the checkout that this test was built from. Versions differ in
# what they write; the sources are as version 14 has them.
set -eu
version=$(clang-format --version)
case $version in
  *"version 14."*) ;;
  *)
    echo "skipped: this is not clang-format 14 but $version"
    exit 0
    ;;
esac
root=$(dirname "$(readlink -f .clang-format)")
cd "$root"
# Not what else lies in the checkout, such as an environment of Python's, unless it is an archive of the sources.
sources() {
  git ls-files -z -- '*.h' '*.cc' '*.cu' '*.cuh' 2>/dev/null ||
    find . -name 'bazel-*' -prune -o \( -name '*.h' -o -name '*.cc' -o -name '*.cu' -o -name '*.cuh' \) -print0
}
sources |
  xargs -0 clang-format --dry-run --Werror || {
  echo "to mend it: git ls-files '*.h' '*.cc' '*.cu' '*.cuh' | xargs clang-format -i"
  exit 1
}
