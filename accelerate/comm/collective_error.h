// Why a collective failed, in a message that is complete: who, in what, and what to do.
#pragma once

#include <stdexcept>

namespace accelerate::internal {

class CollectiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace accelerate::internal
