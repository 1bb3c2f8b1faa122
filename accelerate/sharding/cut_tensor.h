// A tensor of which this rank has a part only. It has the sizes of the whole, so that it is there
// for whoever asks, and its values cannot be read or written: an operator on it throws c10::Error
// with what to do instead. The part hangs on it, for the engine.
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

// Of these sizes, in the order of the place, and of the part's type and device. Takes note of the
// part itself, too, that it is one; see is_part().
at::Tensor make_cut_tensor(at::IntArrayRef sizes, const at::Tensor& part, const PartPlace& place,
                           const std::string& refusal);

// Whether it was made here; and how it is cut, null where it was not.
bool is_cut(const at::Tensor& tensor);
const PartPlace* place_of_cut(const at::Tensor& tensor);
// The part that hangs on a tensor; the tensor itself where it is whole, or undefined.
const at::Tensor& own_part(const at::Tensor& tensor);
// Whether the tensor is a part, of which other ranks have others.
bool is_part(const at::Tensor& tensor);
// The whole of a tensor that is cut, in new memory. Collective.
at::Tensor gather_cut(Communicator& communicator, const at::Tensor& tensor);

}  // namespace accelerate
