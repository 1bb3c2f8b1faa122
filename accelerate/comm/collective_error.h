// The error of a failed collective. Its message is complete: which rank, in which collective, and
// what to do.
//
//   throw CollectiveError("rank 3 (pid 4711) has died; look at what it wrote last");
//
// Not for wrong calls on this rank alone: use TORCH_CHECK.
#pragma once

#include <stdexcept>

namespace accelerate::internal {

class CollectiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace accelerate::internal
