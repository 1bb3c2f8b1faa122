// A step of an optimizer on a GPU: one launch steps all parameters, whatever their groups, and
// reads each gradient once, as it is.
//
// Example:
//   norm_cuda(gradients, scratch, norm, stream);
//   begin_step_cuda({.norm = norm, .loss_scale = loss_scale, .max_norm = 1}, step, stream);
//   const int error = optimizer_cuda<Adam>(pieces, groups, slots, step, stream);
//
// Not for arrays that overlap. Without CUDA in the build every call returns an error.
#pragma once

#include <span>

#include "kernels/optimizer/optimizer_chunk.h"
#include "kernels/optimizer/rule.h"
#include "kernels/step/step.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

// Does what optimizer_step() does with each of the pieces. Their options, numbers of steps and
// gradient factor are on the device; the host may write the options there between any two steps.
// Counts the step in the slot of each piece that has a state. If the step has an overflow, writes
// nothing at all. `moment_type`, kFloat or kBFloat16, is the type of the first kMoments<Rule>
// arrays of each state. The bits are those of optimizer_step(), except for those of a NaN, and
// except for what follows from the last bit of a scalar that takes a power, like the bias
// corrections of Adam. Does not wait or allocate memory, so it can be captured. `stream` is a
// cudaStream_t; returns a cudaError_t, 0 for success.
template <OptimizerRule Rule>
int optimizer_cuda(std::span<const OptimizerPiece<Rule>> pieces,
                   const typename Rule::Options* groups, OptimizerSlot<Rule>* slots,
                   const Step* step, void* stream, ElementType moment_type = ElementType::kFloat);

}  // namespace accelerate::kernels
