// Converts bytes to a tensor, which is how a State holds them, and back.
//
//   state.set(kArchiveName, tensor_of_bytes(archive));
//   const std::string archive = bytes_of_tensor(state.tensor(kArchiveName));
//
// Not for numbers: a State holds those directly. Thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

namespace accelerate {

// Has the type uint8 and is on the CPU.
at::Tensor tensor_of_bytes(std::string_view bytes);
// The memory of a tensor of any type and device, element by element.
std::string bytes_of_tensor(const at::Tensor& tensor);

}  // namespace accelerate
