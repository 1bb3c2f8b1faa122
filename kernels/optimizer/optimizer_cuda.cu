// Compiled by optimizer_rule for each rule.
#include <cstdint>

#include ACCELERATE_RULE_HEADER
#include "kernels/device/launch.h"
#include "kernels/optimizer/optimizer_chunk.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "kernels/types/bfloat16.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {
namespace {

using Rule = ACCELERATE_RULE;
using Table = PieceTable<OptimizerPiece<Rule>>;

// A launch of its own, because what scalars() calculates, such as powers, may cost more than many
// elements.
__global__ void __launch_bounds__(kHere<MemoryPolicies>.threads)
    begin_kernel(const __grid_constant__ Table table, const Rule::Options* groups,
                 OptimizerSlot<Rule>* slots, const Step* step) {
  const int i = this_piece();
  if (i >= table.size) return;
  const OptimizerPiece<Rule>& piece = table.pieces[i];
  begin_piece(groups[piece.group], *step, piece, slots[piece.slot]);
}

// Compiled for each type of moments apart, so that one does not take registers for the other.
template <class Moment>
__global__ void __launch_bounds__(kHere<MemoryPolicies>.threads)
    step_kernel(const __grid_constant__ Table table, const OptimizerSlot<Rule>* slots,
                const Step* step) {
  if (step->overflow != 0) return;
  for (int64_t i = blockIdx.x; i < table.chunk_count(); i += gridDim.x) {
    const Chunk chunk = table.chunk(i);
    const OptimizerPiece<Rule>& piece = table.pieces[chunk.piece];
    // Copied, because for all the compiler knows the arrays may change what lies there.
    const OptimizerSlot<Rule> slot = slots[piece.slot];
    step_chunk<Moment>(slot, piece, chunk, this_worker());
  }
}

}  // namespace

template <>
int optimizer_cuda<Rule>(std::span<const OptimizerPiece<Rule>> pieces, const Rule::Options* groups,
                         OptimizerSlot<Rule>* slots, const Step* step, void* stream,
                         ElementType moment_type) {
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  const cudaError_t error =
      launch_for_each_piece<MemoryPolicies>(pieces, begin_kernel, cuda_stream, groups, slots, step);
  if (error != cudaSuccess) return error;
  // The same kernel as below for a rule without moments.
  using Rounded = StateElement<Rule, 0, BFloat16>;
  if (moment_type == ElementType::kBFloat16) {
    return launch_over<MemoryPolicies>(pieces, step_kernel<Rounded>, cuda_stream, slots, step);
  }
  return launch_over<MemoryPolicies>(pieces, step_kernel<float>, cuda_stream, slots, step);
}

}  // namespace accelerate::kernels
