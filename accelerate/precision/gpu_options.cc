#include "accelerate/precision/gpu_options.h"

#include <ATen/Context.h>

namespace accelerate {

void apply_gpu_options(const GpuOptions& options) {
  at::Context& context = at::globalContext();
  if (options.allow_tf32) {
    // Not setFloat32Precision(), which leaves the older settings behind, whose readers then throw.
    context.setAllowTF32CuBLAS(*options.allow_tf32);
    context.setAllowTF32CuDNN(*options.allow_tf32);
  }
  if (options.allow_fp16_reduced_precision_reduction)
    context.setAllowFP16ReductionCuBLAS(*options.allow_fp16_reduced_precision_reduction);
  if (options.allow_bf16_reduced_precision_reduction)
    context.setAllowBF16ReductionCuBLAS(*options.allow_bf16_reduced_precision_reduction);
}

}  // namespace accelerate
