#include "accelerate/process/process_info.h"

#include <c10/util/Exception.h>

#include "accelerate/process/cuda.h"

namespace accelerate {

ProcessInfo make_process_info(const launcher::WorkerEnvironment& worker, c10::DeviceType device) {
  ProcessInfo info{.rank = worker.rank,
                   .world_size = worker.world_size,
                   .local_rank = worker.local_rank,
                   .local_world_size = worker.local_world_size};
  if (device == c10::DeviceType::CPU) return info;
  TORCH_CHECK(
      cuda::in_build(),
      "a GPU strategy was asked for, but CUDA is not in this build; build with --config=cuda, or "
      "pass --cpu");
  const int count = cuda::device_count();
  TORCH_CHECK(count > 0,
              "a GPU strategy was asked for, but this machine shows no GPU; check nvidia-smi and "
              "CUDA_VISIBLE_DEVICES, or pass --cpu");
  TORCH_CHECK(info.local_rank < count, "process ", info.local_rank,
              " of this machine has no GPU of its own, there are ", count,
              "; lower --num_processes, or widen CUDA_VISIBLE_DEVICES");
  cuda::set_device(info.local_rank);
  info.device = c10::Device(device, static_cast<c10::DeviceIndex>(info.local_rank));
  return info;
}

}  // namespace accelerate
