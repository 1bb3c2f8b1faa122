#include "accelerate/process/cuda.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>

namespace accelerate::cuda {

bool in_build() { return true; }

int device_count() { return c10::cuda::device_count(); }

void set_device(int index) { c10::cuda::set_device(static_cast<c10::DeviceIndex>(index)); }

void empty_cache() { c10::cuda::CUDACachingAllocator::emptyCache(); }

}  // namespace accelerate::cuda
