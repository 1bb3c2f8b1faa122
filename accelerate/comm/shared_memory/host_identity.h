// What processes have in common when they can share memory.
//
//   if (host_identity() == of_other_rank) share_memory();
//
// Not a name for people: that is the host's name.
#pragma once

#include <string>

namespace accelerate::internal {

// The same for processes of one running system and network namespace.
std::string host_identity();

}  // namespace accelerate::internal
