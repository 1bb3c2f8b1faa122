// What examples of accelerate/self_test take as given.
#include <iostream>

#include "accelerate/core/accelerator.h"

extern Accelerator<MultiCpu, Fp32> accelerator;
// ---- findings.h
extern at::Tensor rank;
// ---- report.h
void check_gather(Accelerator<MultiCpu, Fp32>& accelerator, Findings& found);
