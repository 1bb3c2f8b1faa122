// Why a collective failed, in a message that is complete: who, in what, and what to do.
//
//   throw CollectiveError("rank 3 (pid 4711) has died; look at what it wrote last");
//
// Not for calls that are wrong on this rank alone: TORCH_CHECK.
#pragma once

#include <stdexcept>

namespace accelerate::internal {

class CollectiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace accelerate::internal
