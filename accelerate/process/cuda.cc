#include "accelerate/process/cuda.h"

#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>

#include <utility>

namespace accelerate::cuda {
namespace {

namespace allocator = c10::cuda::CUDACachingAllocator;

constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);

c10::CachingDeviceAllocator::DeviceStats stats_of(int index) {
  return allocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
}

// Whether it is LibTorch's own; CUDA's, which PYTORCH_CUDA_ALLOC_CONF may choose, cannot be asked.
bool can_be_asked() { return allocator::name() == "native"; }

}  // namespace

bool in_build() { return true; }

int device_count() { return c10::cuda::device_count(); }

void set_device(int index) { c10::cuda::set_device(static_cast<c10::DeviceIndex>(index)); }

std::string device_name(int index) {
  return at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(index))->name;
}

int64_t memory_in_use(int index) { return stats_of(index).allocated_bytes[kAll].current; }

int64_t peak_memory(int index) { return stats_of(index).allocated_bytes[kAll].peak; }

std::vector<MemoryBlock> memory_blocks(int index) {
  std::vector<MemoryBlock> blocks;
  if (!can_be_asked()) return blocks;
  for (const auto& segment : allocator::snapshot().segments) {
    if (segment.device != index) continue;
    // One behind the other, so that a block's place is known by the sizes of those before.
    size_t address = segment.address;
    for (const auto& block : segment.blocks) {
      if (block.allocated)
        blocks.push_back(
            {reinterpret_cast<const void*>(address), static_cast<int64_t>(block.size)});
      address += block.size;
    }
  }
  return blocks;
}

void on_out_of_memory(std::function<void(const FailedAllocation&)> listener) {
  if (!can_be_asked()) return;
  // Before that, there is nothing to listen to.
  at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
  allocator::attachOutOfMemoryObserver([listener = std::move(listener)](int64_t device,
                                                                        size_t wanted, size_t total,
                                                                        size_t free) {
    const auto stats = stats_of(static_cast<int>(device));
    listener({.device = static_cast<int>(device),
              .wanted = static_cast<int64_t>(wanted),
              .total = static_cast<int64_t>(total),
              .free = static_cast<int64_t>(free),
              .kept = stats.reserved_bytes[kAll].current - stats.allocated_bytes[kAll].current});
  });
}

void empty_cache() { allocator::emptyCache(); }

}  // namespace accelerate::cuda
