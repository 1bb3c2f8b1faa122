#!/usr/bin/env bash
# Runs a package where there is nothing but a C library and the kernel: no shell, no C++ library, no Bazel.
set -euo pipefail
package=$1

# What is mounted in a namespace of one's own goes with its last process, however that ends.
if [ "${2:-}" != isolated ]; then
  isolate=(unshare --mount)
  [ "$(id -u)" = 0 ] || isolate+=(--map-root-user)
  if ! reason=$("${isolate[@]}" mount -t tmpfs none /mnt 2>&1); then
    echo "skipped: this machine lets user $(id -un) have no mount namespace: $reason"
    exit 0
  fi
  exec "${isolate[@]}" "$0" "$package" isolated
fi

root=$TEST_TMPDIR/root
chroot=$(PATH=$PATH:/usr/sbin command -v chroot)
libraries=/lib/x86_64-linux-gnu
mkdir "$root"
mount -t tmpfs tmpfs "$root"
mkdir -p "$root"{/proc,/dev,/tmp,/lib64,"$libraries",/share}
mount --rbind /proc "$root/proc"
for device in null urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
cp -L "$libraries"/lib{c,m}.so.6 "$libraries"/lib{dl,util}.so.? "$libraries"/lib{pthread,rt}.so.? "$root$libraries/"

# As a shared folder is: read-only, and under another name than the archive's.
tar -xf "$package" -C "$root/share" --no-same-owner
mv "$root"/share/* "$root/share/of_somebody"
mount --bind "$root/share" "$root/share"
mount -o remount,bind,ro "$root/share"
! touch "$root/share/of_somebody/new" 2>/dev/null

# From / and not from its folder.
inside() {
  echo "+ $*"
  env -i HOME=/tmp "$chroot" "$root" "$@" >"$TEST_TMPDIR/output" 2>&1 || {
    cat "$TEST_TMPDIR/output"
    echo "this command failed in the bare root"
    exit 1
  }
}
expect() {
  grep -Eq "$1" "$TEST_TMPDIR/output" && return
  cat "$TEST_TMPDIR/output"
  echo "no line of this is like: $1"
  exit 1
}
here=/share/of_somebody
for library in accelerate-cpp libabsl-dev libyaml-cpp-dev libstdc++6; do
  [ -s "$root$here/notices/$library" ] || { echo "there is no notice of $library, which is in it"; exit 1; }
done
inside $here/my_model --num_processes=2 --epochs=1 --report_ranks
expect '^rank 1 saw [0-9]+ images'
expect '^test accuracy 0\.[0-9]+$'
inside $here/accelerate launch --cpu --num_processes 2 $here/my_model --epochs 1
expect '^test accuracy 0\.[0-9]+$'
inside $here/accelerate test --cpu --num_processes 2
inside $here/accelerate env
echo "passed"
