// What the examples of docs/troubleshooting.md take as given.
//
// Part of the test of that document; not for others.
#pragma once

#include "accelerate/accelerate.h"

extern accelerate::Accelerator<accelerate::Cpu, accelerate::Fp32> accelerator;
extern accelerate::CosineDecay cosine;
extern accelerate::StepLR drops;
