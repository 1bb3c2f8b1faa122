#!/usr/bin/env bash
# install.sh TREE --prefix=DIR: unpacks the tree below DIR.
set -euo pipefail
tree=$PWD/$1
shift
usage="usage: bazel run //:install -- --prefix=DIR

Puts headers, libraries, a CMake package and the command accelerate with its self-test into DIR, such as /usr/local."

[ $# = 1 ] || set -- ""
case $1 in
  --help | -h)
    echo "$usage"
    exit 0
    ;;
  --prefix=?*) prefix=${1#--prefix=} ;;
  *)
    echo "$usage" >&2
    exit 2
    ;;
esac
# A relative folder is relative to where somebody typed it.
cd "${BUILD_WORKING_DIRECTORY:-.}"
# Python's Accelerate has commands of the same names, which are scripts.
for command in accelerate accelerate-config accelerate-estimate-memory accelerate-launch; do
  file=$prefix/bin/$command
  if [ -e "$file" ] && [ "$(head -c 2 "$file")" = "#!" ]; then
    echo "install: $file is of another package, probably of Python's Accelerate; nothing was installed. Choose" >&2
    echo "another --prefix, or remove that package." >&2
    exit 1
  fi
done
mkdir -p "$prefix"
# Of an earlier version, which may have had others.
rm -rf "$prefix/include/accelerate-cpp"
tar -xmf "$tree" -C "$prefix" --no-same-owner
for subcommand in config estimate-memory launch; do
  ln -sfn accelerate "$prefix/bin/accelerate-$subcommand"
done
echo "installed to $(cd "$prefix" && pwd); a CMake project finds it with -DCMAKE_PREFIX_PATH=$(cd "$prefix" && pwd)"
