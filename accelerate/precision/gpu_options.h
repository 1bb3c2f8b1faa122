// The precision of matrix products and convolutions on a GPU. An option that is not set leaves
// LibTorch's setting unchanged.
//
//   ACCELERATE_MAIN(train, {.gpu = {.allow_tf32 = true}})
//
// These are LibTorch's settings for the whole process: they also apply outside of the Accelerator,
// and remain after it is destroyed. Not for computing in fp16 or bf16: choose a precision for that.
#pragma once

#include <optional>

namespace accelerate {

struct GpuOptions {
  // Rounds the factors of fp32 products and convolutions to TF32: 10 bits of mantissa instead of
  // 23. LibTorch's default: only for convolutions and cuDNN's recurrent layers.
  std::optional<bool> allow_tf32 = std::nullopt;
  // Adds partial sums of fp16 and bf16 products in that type rather than in fp32. LibTorch's
  // default: yes.
  std::optional<bool> allow_fp16_reduced_precision_reduction = std::nullopt;
  std::optional<bool> allow_bf16_reduced_precision_reduction = std::nullopt;
};

// Applies to all products that are queued from now on, in all threads. Needs no GPU. Call it before
// other threads compute.
void apply_gpu_options(const GpuOptions& options);

}  // namespace accelerate
