// The smallest kernel, to test the rule that builds kernels.
//
//   const char* error = twice(values, /*size=*/1000);
//
// Not for programs.
#pragma once

namespace accelerate::testing_cuda {

// Doubles `size` floats in place on the current GPU. Returns the text of the CUDA error, or an
// empty one if there is none.
const char* twice(float* values, int size);

}  // namespace accelerate::testing_cuda
