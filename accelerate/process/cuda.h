// What the project needs to know of CUDA outside its kernels. A build without --config=cuda has the
// same functions, which say that there is none; callers carry no #ifdef.
//
//   if (cuda::in_build() && cuda::device_count() > 0) cuda::set_device(0);
//
// Not for a launcher, which is to leave CUDA alone before it forks: launcher/plan/machine.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

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

// The bytes that tensors have on it, and the most that they have had at one time; 0 where CUDA was
// not used.
int64_t memory_in_use(int index);
int64_t peak_memory(int index);

// A piece of memory that a tensor has, or several that are views of one.
struct MemoryBlock {
  const void* begin = nullptr;
  int64_t bytes = 0;
};
// All of them; none where the allocator cannot be asked (backend:cudaMallocAsync).
std::vector<MemoryBlock> memory_blocks(int index);

// What the allocator says before it throws c10::OutOfMemoryError.
struct FailedAllocation {
  int device = 0;
  int64_t wanted = 0;
  // Of the GPU: what there is, and what nobody has.
  int64_t total = 0;
  int64_t free = 0;
  // What the allocator keeps for later tensors, in pieces none of which would do.
  int64_t kept = 0;
};
// From now on, and in whichever thread runs out of memory; no lock of the allocator is held. Never
// where the allocator cannot be asked.
void on_out_of_memory(std::function<void(const FailedAllocation&)> listener);

// Gives the GPU back what LibTorch's allocator keeps for later tensors. Waits for the GPU; does
// nothing where CUDA was not used.
void empty_cache();

}  // namespace accelerate::cuda
