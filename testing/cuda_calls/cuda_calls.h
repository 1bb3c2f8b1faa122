// Counts what a test's own program and the libraries that it loads ask of the CUDA runtime: kernels
// by name, and calls for which the host waits.
//
//   const CudaCalls calls;
//   optimizer.step();
//   EXPECT_EQ(calls.kernels().size(), 2);
//   EXPECT_EQ(calls.waits(), 0);
//
// By functions of the runtime's names that stand before the runtime's own. Not seen: what libraries
// launch through a runtime of their own, as cuBLAS and cuDNN do. One at a time; thread-safe
// besides.
#pragma once

#include <string>
#include <vector>

namespace accelerate {

class CudaCalls {
 public:
  // Counts from then on.
  CudaCalls();

  // Mangled names of the kernels, in the order of their launches; "of a library" for LibTorch's.
  std::vector<std::string> kernels() const;
  // Whether kernels with these words in their names were launched, in this order, among others.
  bool launched(const std::vector<std::string>& words) const;
  // Calls that wait for a stream, an event or the device.
  int waits() const;
};

}  // namespace accelerate
