// What the project needs to know of CUDA outside its kernels. A build without --config=cuda has the
// same functions, which say that there is none; callers carry no #ifdef.
//
//   if (cuda::in_build() && cuda::device_count() > 0) cuda::set_device(0);
//
// Not for a launcher, which is to leave CUDA alone before it forks: launcher/plan/machine.h.
#pragma once

#include <cstdint>
#include <string>

namespace accelerate::cuda {

// Whether the GPU strategies are in this build.
bool in_build();

// GPUs that this process can use; 0 without a driver. Initialises CUDA: never call it before a
// fork.
int device_count();

// Makes a GPU the current one of this thread. Throws c10::Error where there is none.
void set_device(int index);

// As its maker calls it, such as "NVIDIA H100 80GB HBM3". Throws c10::Error where there is none.
std::string device_name(int index);

// The most bytes that tensors have had on it at one time; 0 where CUDA was not used.
int64_t peak_memory(int index);

// Gives the GPU back what LibTorch's allocator keeps for later tensors. Waits for the GPU; does
// nothing where CUDA was not used.
void empty_cache();

}  // namespace accelerate::cuda
