// Part of the trackers; not for others. Computes the means over all ranks of the numbers in a call
// of log(): up to 60 by one all-reduce, more by two.
//
//   RankMeans means(communicator, device, names, numbers);
//   const std::vector<double> values = means.get();
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <string>
#include <variant>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/device/host_copy.h"

namespace accelerate::internal {

class RankMeans {
 public:
  using Number = std::variant<double, at::Tensor>;

  // Collective. Throws c10::Error if the ranks pass different names: on the CPU on all ranks. For a
  // GPU it does not wait unless there are more than 60 numbers: then it throws on the ranks that
  // have so many, and otherwise get() throws. `refuses` tells the other ranks that this one will
  // not take the means, for a reason that only it knows.
  RankMeans(Communicator& communicator, c10::Device device, const std::vector<std::string>& names,
            const std::vector<Number>& numbers, bool refuses = false);

  // Whether any rank refuses. For a GPU, for which nobody waits, only whether this one does.
  bool is_refused() const { return is_refused_; }
  bool is_there() const { return sums_.is_there(); }
  // Waits. Throws c10::Error if the ranks have passed different names and the constructor did not
  // notice.
  std::vector<double> get() const;

 private:
  std::vector<std::string> names_;
  int ranks_;
  HostCopy sums_;
  bool is_refused_;
};

}  // namespace accelerate::internal
