// What examples of accelerate/memory take as given.
#include <iostream>

#include "accelerate/core/accelerator.h"
#include "accelerate/memory/memory_usage.h"
#include "accelerate/memory/out_of_memory.h"

extern accelerate::Accelerator<accelerate::MultiCpu, accelerate::Fp32> accelerator;
extern accelerate::ProcessInfo process;
accelerate::MemoryUsage usage_of_session();
void train_some();
