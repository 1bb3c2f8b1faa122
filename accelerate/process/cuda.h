// What the project needs to know about CUDA outside its kernels. A build without --config=cuda has
// the same functions, which report that there is no CUDA, so callers need no #ifdef.
//
//   if (cuda::in_build() && cuda::device_count() > 0) cuda::set_device(0);
//
// Not for a launcher, which must not use CUDA before it forks: use launcher/plan/machine.h.
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

// Makes a GPU the current one of this thread. Throws c10::Error if there is no such GPU.
void set_device(int index);

// The manufacturer's name for it, such as "NVIDIA H100 80GB HBM3". Throws c10::Error if there is no
// such GPU.
std::string device_name(int index);

// The bytes that tensors use on it, and the most that they have used at one time; 0 if CUDA was not
// used.
int64_t memory_in_use(int index);
int64_t peak_memory(int index);

// A piece of memory that a tensor uses, or several tensors that share it as views.
struct MemoryBlock {
  const void* begin = nullptr;
  int64_t bytes = 0;
};
// All blocks; none if the allocator cannot list them (backend:cudaMallocAsync).
std::vector<MemoryBlock> memory_blocks(int index);

// What the allocator reports before it throws c10::OutOfMemoryError. Sizes are in bytes.
struct FailedAllocation {
  int device = 0;
  int64_t wanted = 0;
  // The GPU's memory, and how much of it nobody uses.
  int64_t total = 0;
  int64_t free = 0;
  // What the allocator keeps for later tensors, in pieces that are all too small.
  int64_t kept = 0;
};
// From now on, calls `listener` in the thread that runs out of memory, while no lock of the
// allocator is held. Never calls it if the allocator cannot report this.
void on_out_of_memory(std::function<void(const FailedAllocation&)> listener);

// Returns the memory that LibTorch's allocator keeps for later tensors to the GPU. Waits for the
// GPU; does nothing if CUDA was not used.
void empty_cache();

}  // namespace accelerate::cuda
