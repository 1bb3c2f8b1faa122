#include "accelerate/comm/shared_memory/host_identity.h"

#include <unistd.h>

#include <climits>
#include <fstream>

// Not the host's name, which containers and cloned machines share, but the number that the kernel
// draws when it starts, and the network namespace, in which unix sockets find one another.

namespace accelerate::internal {

std::string host_identity() {
  std::string boot_id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot_id);
  char network[PATH_MAX] = {};
  const ssize_t length = readlink("/proc/self/ns/net", network, sizeof(network) - 1);
  // Without /proc a process is alone, and the network carries all.
  if (boot_id.empty() || length <= 0) return "unknown, process " + std::to_string(getpid());
  return boot_id + ' ' + std::string(network, length);
}

}  // namespace accelerate::internal
