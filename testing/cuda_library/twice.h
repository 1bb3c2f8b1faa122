// The smallest kernel, to test the rule that builds kernels.
//
//   const char* error = twice(values, /*size=*/1000);
//
// Not for programs.
#pragma once

namespace accelerate::testing_cuda {

// Doubles `size` floats in place on the current GPU. Returns the CUDA error's text; empty without
// one.
const char* twice(float* values, int size);

}  // namespace accelerate::testing_cuda
