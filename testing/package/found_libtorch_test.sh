#!/usr/bin/env bash
# A package without LibTorch: what it finds on a machine, and what it says where it finds none.
set -euo pipefail
package=$PWD/$1
# Not the path in the runfiles, from which LibTorch would not find what lies beside it.
libtorch=$(dirname "$(dirname "$(readlink -f "$2")")")
version=$(sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' \
  "$libtorch/include/torch/headeronly/version.h" | paste -sd.)
cd "$TEST_TMPDIR"
mkdir unpacked empty bin
tar -xf "$package" -C unpacked
mv unpacked/* moved
ln -s ../moved/my_model bin/linked
# As on a machine that knows nothing of the test.
unset RUNFILES_DIR RUNFILES_MANIFEST_FILE
export OMP_NUM_THREADS=1

fail() {
  cat output
  echo "$1"
  exit 1
}
# refused PATTERN COMMAND...
refused() {
  local pattern=$1
  shift
  ! "$@" >output 2>&1 || fail "this should have been refused: $*"
  grep -Eq "$pattern" output || fail "no line of this is like: $pattern"
}

env LIBTORCH="$libtorch" moved/my_model --num_processes=2 --epochs=1 >output 2>&1 || fail "it does not run"
grep -Eq '^test accuracy 0\.[0-9]+$' output || fail "it does not say how good it is"
env LIBTORCH="$libtorch" moved/accelerate test --cpu --num_processes 2 >output 2>&1 || fail "the self-test fails"

# A Python package torch is the folder torch beside its metadata.
mkdir -p site/torch-$version.dist-info
printf 'Metadata-Version: 2.1\nName: torch\nVersion: %s\n' "$version" >site/torch-$version.dist-info/METADATA
ln -s "$libtorch" site/torch
[ ! -d "$libtorch/../nvidia" ] || ln -s "$libtorch/../nvidia" site/nvidia
env -u LIBTORCH PYTHONPATH="$PWD/site" moved/my_model --help >output 2>&1 || fail "the Python package is not found"

remedy="set LIBTORCH to the folder of LibTorch $version .*, or install it: python3 -m pip install torch==$version"
refused "my_model: $PWD/empty holds no lib/libtorch_cpu.so; $remedy" env LIBTORCH="$PWD/empty" moved/my_model
ln -s "$(command -v readlink)" "$(command -v basename)" "$(command -v dirname)" bin/
refused "my_model: this machine has no LibTorch; $remedy" env -u LIBTORCH PATH="$PWD/bin" bin/linked
mkdir -p old/lib old/include/torch/headeronly
touch old/lib/libtorch_cpu.so
printf '#define TORCH_VERSION_%s\n' 'MAJOR 2' 'MINOR 1' 'PATCH 3' >old/include/torch/headeronly/version.h
refused "my_model: the LibTorch in $PWD/old is 2.1.3; $remedy" env LIBTORCH="$PWD/old" moved/my_model
echo "passed"
