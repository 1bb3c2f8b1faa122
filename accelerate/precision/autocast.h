// Enables LibTorch's autocast in its scope and restores the previous settings at the end, also
// after an exception. Scopes nest.
//
//   {
//     accelerate::Autocast autocast(at::kCPU, at::kBFloat16);
//     output = model(input);
//   }
//
// Not for the backward pass, which uses the types of the forward pass anyway. Affects only the
// calling thread.
#pragma once

#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>

namespace accelerate {

class Autocast {
 public:
  Autocast(c10::DeviceType device, c10::ScalarType type);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  c10::DeviceType device_;
  bool enabled_before_;
  c10::ScalarType type_before_;
};

}  // namespace accelerate
