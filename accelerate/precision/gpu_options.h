// How exact a GPU's matrix products and convolutions are, where LibTorch leaves the choice. An
// option that is not set leaves LibTorch's own setting.
//
//   ACCELERATE_MAIN(train, {.gpu = {.allow_tf32 = true}})
//
// These are settings of LibTorch for the whole process: they reach products outside of the
// Accelerator too, and stay when it is gone. Not for computing in fp16 or bf16: that is what a
// precision does.
#pragma once

#include <optional>

namespace accelerate {

struct GpuOptions {
  // Rounds the factors of fp32 products and convolutions to TF32: 10 bits of mantissa instead
  // of 23. LibTorch's own: only those of convolutions (and of cuDNN's recurrent layers).
  std::optional<bool> allow_tf32 = std::nullopt;
  // Adds up parts of fp16 and bf16 products in that type rather than in fp32. LibTorch's own: yes.
  std::optional<bool> allow_fp16_reduced_precision_reduction = std::nullopt;
  std::optional<bool> allow_bf16_reduced_precision_reduction = std::nullopt;
};

// For all products that are queued from now on, in whatever thread. Needs no GPU. Call it before
// other threads compute.
void apply_gpu_options(const GpuOptions& options);

}  // namespace accelerate
