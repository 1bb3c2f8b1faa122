#!/bin/sh
# install_packages.sh PACKAGE...
# Installs Debian packages, as root. Services that come with them are neither started now nor at the next start of the
# machine: the tests start their own.
set -eu
export DEBIAN_FRONTEND=noninteractive

apt_get() {
  apt-get -q -o DPkg::Lock::Timeout=600 "$@"
}

apt_get update || echo "bazelw: some lists of packages could not be updated; going on with those that are there"
# Debian's own way to tell what is being installed that it is not to start services. The comment tells our file, which a
# power cut may leave behind, from one of the machine's own.
policy=/usr/sbin/policy-rc.d
mark='# bazelw made this, and removes it'
if [ ! -e $policy ] || grep -qxF "$mark" $policy; then
  trap 'rm -f $policy' EXIT
  # A signal would end the shell without that.
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >$policy
  chmod +x $policy
fi
apt_get install -y --no-install-recommends "$@"
for package in "$@"; do
  case $package in
    munge | slurmctld | slurmd)
      ! command -v systemctl >/dev/null || systemctl disable "$package" >/dev/null 2>&1 || true
      ;;
  esac
done
