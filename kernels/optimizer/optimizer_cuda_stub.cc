// Compiled by optimizer_rule for each rule, where CUDA is not in the build.
#include ACCELERATE_RULE_HEADER
#include "kernels/optimizer/optimizer_cuda.h"

namespace accelerate::kernels {

using Rule = ACCELERATE_RULE;

template <>
int optimizer_cuda<Rule>(std::span<const OptimizerPiece<Rule>>, const Rule::Options*,
                         OptimizerSlot<Rule>*, const Step*, void*, ElementType) {
  return 100;  // cudaErrorNoDevice
}

}  // namespace accelerate::kernels
