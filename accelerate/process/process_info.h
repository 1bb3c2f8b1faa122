// Which process of a run this is, and on which device it computes.
//
//   const ProcessInfo info = make_process_info(worker, at::kCPU);
//   if (info.is_main()) std::cout << "training on " << info.device << "\n";
//
// Not for communicating with the other processes: use a Communicator.
#pragma once

#include <c10/core/Device.h>

#include "launcher/env/worker_environment.h"

namespace accelerate {

struct ProcessInfo {
  // The index among all processes of the run, 0 to world_size - 1.
  int rank = 0;
  int world_size = 1;
  // The index among the processes of this machine.
  int local_rank = 0;
  int local_world_size = 1;
  c10::Device device = c10::Device(c10::DeviceType::CPU);

  bool is_main() const { return rank == 0; }
  bool is_local_main() const { return local_rank == 0; }
};

// On a GPU, the process takes the device of its local rank and makes it the current one. Throws
// c10::Error if CUDA is not in this build, if there is no GPU, or if this machine has fewer GPUs
// than processes.
ProcessInfo make_process_info(const launcher::WorkerEnvironment& worker, c10::DeviceType device);

}  // namespace accelerate
