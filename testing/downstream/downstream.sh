#!/bin/sh
# downstream.sh WORKSPACE LIBRARY analyse|run
# Analyses the downstream workspace, or builds and runs its program and its test, with a Bazel of its own, as a user's
# workspace would.
set -eu
# Through the link to the checkout: Bazel refuses to work in its own output folders.
# The same LibTorch as here.
LIBTORCH=$(dirname "$(dirname "$(readlink -f "$2")")")
export LIBTORCH
workspace=$(dirname "$(readlink -f "$1")")/testing/downstream_workspace
HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
export HOME
cd "$workspace"
# Debian's modules, where ./bazelw has noted them.
machine=$workspace/../../machine.bazelrc
bazel="bazel $([ ! -e "$machine" ] || echo "--bazelrc=$machine") --output_user_root=${XDG_CACHE_HOME:-$HOME/.cache}/accelerate/downstream_bazel --max_idle_secs=60"
if [ "$3" = analyse ]; then
  for config in "" --config=fp16 --config=bf16; do
    $bazel build --nobuild --noshow_progress $config //...
  done
  exit
fi
for config in "" --config=fp16; do
  output=$($bazel run --ui_event_filters=-info,-stdout --noshow_progress $config //:line -- --num_processes=2)
  echo "$output"
  precision=$([ -z "$config" ] && echo no || echo fp16)
  echo "$output" | grep -Eq "^2 processes in $precision found the slope (2$|2\.0|1\.99)" || {
    echo "this is not what the program should have printed"
    exit 1
  }
done
$bazel test --ui_event_filters=-info --noshow_progress --test_output=errors //:line_test
