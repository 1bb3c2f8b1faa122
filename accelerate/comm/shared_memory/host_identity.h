// What processes have in common when they can share memory.
#pragma once

#include <string>

namespace accelerate::internal {

// The same for processes of one running system and network namespace.
std::string host_identity();

}  // namespace accelerate::internal
