#!/usr/bin/env bash
# build_and_run.sh INSTALL TREE LIBRARY: installs, builds this project with CMake, and runs it on two processes.
set -euo pipefail
command -v cmake >/dev/null || {
  echo "skipped: cmake is not installed"
  exit 0
}
project=$PWD/testing/cmake_project
prefix=$TEST_TMPDIR/prefix
build=$TEST_TMPDIR/build
# Not the path in the runfiles, from which LibTorch would not find what lies beside it.
LIBTORCH=$(dirname "$(dirname "$(readlink -f "$3")")")
TORCH_VERSION=$(sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' \
  "$LIBTORCH/include/torch/headeronly/version.h" | paste -sd.)
export LIBTORCH TORCH_VERSION

fail() {
  echo "$1"
  exit 1
}
configure() {
  cmake -S "$project" -B "$build" -DCMAKE_PREFIX_PATH="$prefix" "$@"
}
# configure_after_torch TORCH_DIR: as a project that has found LibTorch itself.
configure_after_torch() {
  cmake -S "$project" -B "$build.torch" -DCMAKE_PREFIX_PATH="$prefix" -DTorch_DIR="$1" \
    -DCMAKE_PROJECT_INCLUDE="$project/torch/find_torch.cmake"
}
# refused SENTENCE COMMAND...
refused() {
  local sentence=$1 errors
  shift
  if errors=$("$@" 2>&1); then fail "this should have been refused: $*"; fi
  # CMake breaks lines where it likes.
  errors=$(echo "$errors" | tr -s ' \n' ' ')
  [[ $errors == *"$sentence"* ]] || fail "the error does not say '$sentence': $errors"
}

"$1" "$2" --prefix="$prefix"
for document in LICENSE notices/libabsl-dev notices/libyaml-cpp-dev notices/libstdc++6; do
  [ -s "$prefix/share/doc/accelerate-cpp/$document" ] || fail "$document is not installed"
done
# Nothing in it may depend on where it was first.
mv "$prefix" "$prefix.moved"
prefix=$prefix.moved

old=$TEST_TMPDIR/old
mkdir -p "$old/include/torch/headeronly"
printf '#define TORCH_VERSION_%s\n' 'MAJOR 2' 'MINOR 1' 'PATCH 3' >"$old/include/torch/headeronly/version.h"
another="was built with LibTorch $TORCH_VERSION, but this project has found LibTorch 2.1.3 in"
touch_libraries() {
  mkdir -p "$1/lib"
  touch "$1/lib/libtorch_cpu.so" "$1/lib/libc10.so"
}
refused "there is no LibTorch at '$old': $old/lib/libtorch_cpu.so is missing" configure -DLIBTORCH="$old"
touch_libraries "$old"
refused "$another $old" configure -DLIBTORCH="$old"
TORCH_VERSION=2.1.3 refused "$another" configure_after_torch "$project/torch"
refused "there is no LibTorch at '/nowhere'" configure -DLIBTORCH=/nowhere
rm -rf "$build.torch"

# Where users of LibTorch say that it is: its folder, torch.utils.cmake_prefix_path, the folder of TorchConfig.cmake.
layout=$TEST_TMPDIR/libtorch
mkdir -p "$layout/share/cmake/Torch"
ln -s "$LIBTORCH/include" "$LIBTORCH/lib" "$layout"
for place in "-DCMAKE_PREFIX_PATH=$prefix;$layout" "-DCMAKE_PREFIX_PATH=$prefix;$layout/share/cmake" \
  "-DTorch_DIR=$layout/share/cmake/Torch"; do
  rm -rf "$build"
  env -u LIBTORCH cmake -S "$project" -B "$build" -DCMAKE_PREFIX_PATH="$prefix" "$place"
  grep -qx "LIBTORCH:PATH=$layout" "$build/CMakeCache.txt" || fail "LibTorch is not found through $place"
done
rm -rf "$build"

# LibTorch's own CMake package, where this LibTorch has one that needs no more than is here; else one that stands in.
torch_package=$LIBTORCH/share/cmake/Torch
[ -e "$torch_package/TorchConfig.cmake" ] && { [ ! -e "$LIBTORCH/lib/libtorch_cuda.so" ] || [ -x /usr/local/cuda/bin/nvcc ]; } ||
  torch_package=$project/torch
configure_after_torch "$torch_package"
cmake --build "$build.torch"
"$build.torch/line" --num_processes=1 >/dev/null || fail "the program of a project that has found LibTorch does not run"

# A Python package torch is the folder torch beside its metadata.
site=$TEST_TMPDIR/site
mkdir -p "$site/torch-$TORCH_VERSION.dist-info"
printf 'Metadata-Version: 2.1\nName: torch\nVersion: %s\n' "$TORCH_VERSION" >"$site/torch-$TORCH_VERSION.dist-info/METADATA"
ln -s "$LIBTORCH" "$site/torch"
[ ! -d "$LIBTORCH/../nvidia" ] || ln -s "$LIBTORCH/../nvidia" "$site/nvidia"
(
  unset LIBTORCH
  PYTHONPATH=$site configure
)
# Another shell has neither variable.
(
  unset LIBTORCH
  cmake -S "$project" -B "$build"
) || fail "what was found is forgotten"
cmake --build "$build" --verbose
export OMP_NUM_THREADS=1
output=$("$build/line" --num_processes=2 --slope=5)
[[ $output =~ ^"2 processes found the slope "(5|5\.00.*|4\.99.*)$ ]] || fail "the program printed: $output"
output=$("$prefix/bin/accelerate" launch --cpu --num_processes 2 "$build/line" --slope 4)
[[ $output =~ ^"2 processes found the slope "(4|4\.00.*|3\.99.*)$ ]] || fail "launched, it printed: $output"
"$prefix/bin/accelerate-launch" --cpu --num_processes 2 -- true || fail "accelerate-launch does not launch"
"$prefix/bin/accelerate-config" --help >/dev/null || fail "accelerate-config does not configure"
output=$("$prefix/bin/accelerate" test --cpu --num_processes 2 2>&1) || fail "the self-test failed: $output"
[[ $output == *"Test is a success!"* ]] || fail "the self-test printed: $output"
# By the mark in it a launcher knows it.
readelf -n "$build/line" | grep Accelerate >/dev/null || fail "the program lacks the mark of this library"
echo "passed"
