#!/usr/bin/env bash
# wheel_test.sh FOLDER LIBRARY: installs the wheel in FOLDER, and trains what `accelerate-cpp new` makes.
set -euo pipefail
command -v cmake >/dev/null || {
  echo "skipped: cmake is not installed"
  exit 0
}
wheel=$(echo "$PWD/$1"/*.whl)
# Not the path in the runfiles, from which LibTorch would not find what lies beside it.
LIBTORCH=$(dirname "$(dirname "$(readlink -f "$2")")")
export LIBTORCH OMP_NUM_THREADS=1
cd "$TEST_TMPDIR"

fail() {
  echo "$1"
  exit 1
}
# refused STATUS SENTENCE COMMAND...
refused() {
  local expected=$1 sentence=$2 output status=0
  shift 2
  output=$("$@" 2>&1) || status=$?
  [ $status = "$expected" ] || fail "$* ended with $status"
  [[ $output == *"$sentence"* ]] || fail "$* does not say '$sentence': $output"
}

# Without what it requires: torch has gigabytes, and LIBTORCH names one.
python3 -m pip install --quiet --no-deps --no-index --target=site "$wheel"
export PYTHONPATH=$PWD/site PATH=$PWD/site/bin:$PATH
[ ! -e site/bin/accelerate ] || fail "it shadows Python's command"

[[ $(accelerate-cpp --version) == "accelerate-cpp "* ]] && [[ $(accelerate-cpp env --help) == *"accelerate-cpp env"* ]] ||
  fail "it tells people to type another command: $(accelerate-cpp env --help)"

# The wheel has to contain these too, for people who pass it on.
notices=$(echo site/accelerate_cpp-*.dist-info/notices)
for library in libabsl-dev libgloo-dev libyaml-cpp-dev nlohmann-json3-dev zlib1g-dev libstdc++6; do
  grep -qi 'copyright' "$notices/$library" || fail "there is no notice of $library, which is in it"
  grep -qx "License-File: notices/$library" "$notices/../METADATA" || fail "pip does not know of the notice of $library"
done
grep -q 'Apache License' "$notices/../LICENSE" || fail "it has no licence"

accelerate-cpp new spirals >said
grep -q 'build/spirals --num_processes=2' said || fail "it does not say how to go on: $(cat said)"
# Beside the wheel, where pip puts it.
ln -s "$LIBTORCH" site/torch
[ ! -d "$LIBTORCH/../nvidia" ] || ln -s "$LIBTORCH/../nvidia" site/nvidia
cd spirals
env -u LIBTORCH cmake -B build -DCMAKE_PREFIX_PATH="$(accelerate-cpp cmake-path)" >/dev/null
grep -q '^LIBTORCH:PATH=.*/site/torch$' build/CMakeCache.txt || fail "the LibTorch beside it is not taken"
cmake --build build
for run in "build/spirals --num_processes=2" "accelerate-cpp launch --config_file config.yaml build/spirals"; do
  # A warning is a fault in what a person sees first.
  output=$($run 2>&1) || fail "$run failed: $output"
  [[ $output =~ ^"epoch 10: "[0-9.]+" % right"$'\n'.*$'\n'"epoch 40: "(9[0-9.]+|100)" % right"$ ]] || fail "$run: $output"
done
output=$(accelerate-cpp test --cpu --num_processes 2 2>&1) || fail "the self-test failed: $output"
cd ..

refused 1 "spirals exists and is not an empty folder" accelerate-cpp new spirals
refused 1 "cannot be the name of a program" accelerate-cpp new "my project"
refused 1 "cannot be the name of a program" accelerate-cpp new install
refused 1 "could not be written: Not a directory" accelerate-cpp new said/inside
refused 2 "usage: accelerate-cpp new FOLDER" accelerate-cpp new
refused 0 "usage: accelerate-cpp new FOLDER" accelerate-cpp new --help
mkdir -p "with space/empty"
(cd "with space" && accelerate-cpp new empty >/dev/null) || fail "an empty folder is refused"
[ -e "with space/empty/empty.cc" ] || fail "the empty folder stayed empty"
echo "passed"
