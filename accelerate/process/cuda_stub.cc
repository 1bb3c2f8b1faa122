#include <c10/util/Exception.h>

#include "accelerate/process/cuda.h"

namespace accelerate::cuda {

bool in_build() { return false; }

int device_count() { return 0; }

void set_device(int index) {
  TORCH_CHECK(false, "GPU ", index,
              " was asked for, but CUDA is not in this build; build with --config=cuda");
}

std::string device_name(int index) {
  TORCH_CHECK(false, "GPU ", index,
              " was asked for, but CUDA is not in this build; build with --config=cuda");
}

int64_t memory_in_use(int /*index*/) { return 0; }

int64_t peak_memory(int /*index*/) { return 0; }

std::vector<MemoryBlock> memory_blocks(int /*index*/) { return {}; }

void on_out_of_memory(std::function<void(const FailedAllocation&)> /*listener*/) {}

void empty_cache() {}

}  // namespace accelerate::cuda
