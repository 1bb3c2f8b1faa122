#!/bin/sh
# Finds the LibTorch of this machine, and starts with it the program in libexec/ that has this script's name.
#
# It is the folder with include/ and lib/ that the variable LIBTORCH names; else that of the Python package torch.
set -eu
version=@VERSION@
self=$(readlink -f "$0")
name=$(basename "$self")
program=$(dirname "$self")/libexec/$name

refuse() {
  echo "$name: $1" >&2
  exit 1
}

libtorch=${LIBTORCH:-}
if [ -z "$libtorch" ] && command -v python3 >/dev/null; then
  find='import importlib.metadata as metadata; print(metadata.distribution("torch").locate_file("torch"))'
  libtorch=$(python3 -c "$find" 2>/dev/null) || libtorch=
fi
remedy="set LIBTORCH to the folder of LibTorch $version that holds include/ and lib/, or install it: \
python3 -m pip install torch==$version"
[ -n "$libtorch" ] || refuse "this machine has no LibTorch; $remedy"
[ -e "$libtorch/lib/libtorch_cpu.so" ] || refuse "$libtorch holds no lib/libtorch_cpu.so; $remedy"
header=$libtorch/include/torch/headeronly/version.h
[ -e "$header" ] || refuse "$libtorch holds no include/torch/headeronly/version.h; $remedy"
found=$(sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' "$header" | paste -sd.)
[ "$found" = "$version" ] || refuse "the LibTorch in $libtorch is $found; $remedy"

path=$libtorch/lib
# Where the wheels put what LibTorch loads of CUDA.
for folder in "$libtorch"/../nvidia/*/lib; do
  [ ! -d "$folder" ] || path=$path:$folder
done
export LD_LIBRARY_PATH="$path${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$program" "$@"
