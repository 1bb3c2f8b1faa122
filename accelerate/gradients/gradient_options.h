// How gradients travel between the processes.
//
//   ACCELERATE_MAIN(train, {.gradients = {.bucket_cap_mb = 50}})
//
// Not needed for a first run: the defaults are those of PyTorch's DistributedDataParallel.
#pragma once

namespace accelerate {

enum class GradientCompression { kNone, kFp16, kBf16 };

struct GradientOptions {
  // How much of the gradients one collective carries. The first bucket is small, so that the
  // network has work early.
  double bucket_cap_mb = 25;
  double first_bucket_mb = 1;
  // The type in which fp32 gradients travel. Between hosts and on GPUs they are added up in it,
  // too; in shared memory in fp32, and rounded once.
  GradientCompression compression = GradientCompression::kNone;
  // Buckets set off while backward goes on. To be turned off for a model whose parameters get their
  // gradients in several steps of one backward pass, as with activation checkpoints.
  bool overlap = true;
  // Processes may use different parameters in a step: the mean takes zeros for those without a
  // gradient, and a parameter that none has used is left alone. Then each step compares what was
  // used where it differs; on a GPU each step waits for that, and cannot be captured.
  bool find_unused_parameters = false;
};

// Throws c10::Error when an option makes no sense.
void check_gradient_options(const GradientOptions& options);

}  // namespace accelerate
