#!/bin/sh
# Passes when clang-format would change no C++ source of the checkout that this test was built from.
set -eu
root=$(dirname "$(readlink -f .clang-format)")
cd "$root"
find . \( -name 'bazel-*' -o -name .git \) -prune -o \
  \( -name '*.h' -o -name '*.cc' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 clang-format --dry-run --Werror || {
  echo "to mend it: git ls-files '*.h' '*.cc' '*.cu' '*.cuh' | xargs clang-format -i"
  exit 1
}
