// Copies values into a tensor of any strides, also into one that expand() made, to which LibTorch
// refuses to write because several of its elements are one.
//
// Part of what restores states; not for others.
#pragma once

#include <ATen/core/Tensor.h>

namespace accelerate {

// `from` has the sizes of `to`, and equal values wherever `to` has one element for several. Throws
// c10::Error if the sizes differ.
void copy_values(const at::Tensor& to, const at::Tensor& from);

}  // namespace accelerate
