// Checks that all processes of the run have joined, each with a different rank. A Report (report.h)
// runs it on all ranks.
//
//   Findings found;
//   check_process_group(accelerator, found);
//
// Not for tests of the library: use googletest.
#pragma once

#include <torch/torch.h>

#include <string>

#include "accelerate/core/accelerator.h"
#include "accelerate/self_test/findings.h"

namespace accelerate::self_test {

// "2 processes on the CPU"
template <class A>
std::string describe_process_group(const A& accelerator) {
  const bool gpu = A::strategy.device != c10::DeviceType::CPU;
  const int processes = accelerator.num_processes();
  if (processes == 1) return std::string("1 process on the ") + (gpu ? "GPU" : "CPU") + ", alone";
  return std::to_string(processes) +
         (gpu ? " processes on GPUs over nccl" : " processes on the CPU");
}

template <class A>
void check_process_group(A& accelerator, Findings& found) {
  const int64_t processes = accelerator.num_processes();
  const int64_t rank = accelerator.process_index();
  found.expect_equal("the ranks of all processes", torch::arange(processes),
                     accelerator.gather(torch::tensor({rank})));
  found.expect_equal("the number of processes that each rank knows of",
                     torch::full({processes}, processes),
                     accelerator.gather(torch::tensor({processes})));
  accelerator.wait_for_everyone();
}

}  // namespace accelerate::self_test
