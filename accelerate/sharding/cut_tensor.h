// A tensor of which this rank has only a part. It has the sizes of the whole, so that code which
// asks for it finds it, but its values cannot be read or written: an operator on it throws
// c10::Error, which says what to do instead. The part is attached to it, for the engine.
//
//   parameter.mutable_grad() = make_cut_tensor(sizes, part, place, "the gradient of ...");
//   own_part(parameter.grad());                  // the part, 1-D
//   gather_cut(communicator, parameter.grad());  // the whole; collective
//
// Not for programs, which get the whole of a gradient from Accelerator::whole_gradient().
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "accelerate/comm/communicator.h"
#include "accelerate/layout/part_place.h"

namespace accelerate {

// Makes a cut tensor of these sizes, in the order of the place, with the part's type and device.
// Also marks `part` as a part; see is_part(). `refusal` is the message of the error.
at::Tensor make_cut_tensor(at::IntArrayRef sizes, const at::Tensor& part, const PartPlace& place,
                           const std::string& refusal);

// is_cut(): whether the tensor was made by make_cut_tensor(). place_of_cut(): how it is cut; null
// if it is not.
bool is_cut(const at::Tensor& tensor);
const PartPlace* place_of_cut(const at::Tensor& tensor);
// The part that is attached to a tensor; the tensor itself if it is whole or undefined.
const at::Tensor& own_part(const at::Tensor& tensor);
// Whether the tensor is a part of something of which other ranks have other parts.
bool is_part(const at::Tensor& tensor);
// The whole of a tensor that is cut, in new memory. Collective.
at::Tensor gather_cut(Communicator& communicator, const at::Tensor& tensor);

}  // namespace accelerate
