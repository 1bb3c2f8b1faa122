// A step of an optimizer on a GPU: all parameters in one launch, whatever groups they are of, each
// gradient read once, as it is.
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

// What optimizer_step() does with each of the pieces, whose options, numbers of steps and gradient
// factor are on the device, where the host may write options between any two steps. Counts the step
// in the slot of each piece that has a state. Nothing at all is written where the step has an
// overflow. `moment_type`, kFloat or kBFloat16, is that of the first kMoments<Rule> arrays of each
// state. The bits are those of optimizer_step() but for those of a NaN, and but for what follows
// from the last bit of a scalar that takes a power, as the bias corrections of Adam do. Does not
// wait and takes no memory; fit for capture. `stream` is a cudaStream_t; returns a cudaError_t, 0
// for success.
template <OptimizerRule Rule>
int optimizer_cuda(std::span<const OptimizerPiece<Rule>> pieces,
                   const typename Rule::Options* groups, OptimizerSlot<Rule>* slots,
                   const Step* step, void* stream, ElementType moment_type = ElementType::kFloat);

}  // namespace accelerate::kernels
