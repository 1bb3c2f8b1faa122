// Counts what a test's own program and the libraries that it loads ask of the CUDA runtime: kernels
// by name, and calls for which the host waits.
//
//   const CudaCalls calls;
//   optimizer.step();
//   EXPECT_EQ(calls.kernels().size(), 2);
//   EXPECT_EQ(calls.waits(), 0);
//
// It defines functions with the runtime's names, which are found before the runtime's own. It does
// not see what libraries launch through their own runtime, as cuBLAS and cuDNN do. Only one may
// exist at a time; otherwise thread-safe.
#pragma once

#include <string>
#include <vector>

namespace accelerate {

class CudaCalls {
 public:
  // Counts from now on.
  CudaCalls();

  // Mangled names of the kernels, in the order of their launches; "of a library" for LibTorch's.
  std::vector<std::string> kernels() const;
  // Whether kernels with these words in their names were launched, in this order, among others.
  bool launched(const std::vector<std::string>& words) const;
  // Calls that wait for a stream, an event or the device.
  int waits() const;
};

}  // namespace accelerate
