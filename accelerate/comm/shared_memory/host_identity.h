// An identifier that is equal in processes that can share memory.
//
//   if (host_identity() == of_other_rank) share_memory();
//
// Not a name for people: use the host's name.
#pragma once

#include <string>

namespace accelerate::internal {

// Equal in processes of one running system and network namespace.
std::string host_identity();

}  // namespace accelerate::internal
