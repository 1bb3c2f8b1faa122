// How much of this process's device memory prepared models and optimizers hold: parameters,
// buffers, gradients, the buckets in which gradients travel, and optimizer state.
//
// Part of the Session; programs use Accelerator::memory().
#pragma once

#include <c10/core/Device.h>

#include "accelerate/engine/model_set.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/memory/memory_usage.h"

namespace accelerate::internal {

// Allocates nothing on the device. The state of an optimizer that the library does not know counts
// as other memory.
MemoryUsage held_memory(const ModelSet& models, const OptimizerSteps& optimizers,
                        c10::Device device);

}  // namespace accelerate::internal
