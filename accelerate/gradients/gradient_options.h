// How gradients travel between the processes.
//
//   ACCELERATE_MAIN(train, {.gradients = {.bucket_cap_mb = 50}})
//
// The defaults match those of PyTorch's DistributedDataParallel, so a first run needs none of
// these.
#pragma once

namespace accelerate {

enum class GradientCompression { kNone, kFp16, kBf16 };

struct GradientOptions {
  // Megabytes of gradients in one collective. The first bucket is small, so that communication
  // starts early.
  double bucket_cap_mb = 25;
  double first_bucket_mb = 1;
  // The type in which fp32 gradients are sent. Between hosts and on GPUs they are also summed in
  // it; in shared memory they are summed in fp32 and rounded once.
  GradientCompression compression = GradientCompression::kNone;
  // Sends buckets while the backward pass runs. Turn it off for a model whose parameters get their
  // gradients in several steps of one backward pass, for example with activation checkpointing.
  bool overlap = true;
  // Allows processes to use different parameters in a step: a process without a gradient
  // contributes zeros to the mean, and a parameter that no process used is not updated. If
  // processes differ, the step compares what each has used. On a GPU each step waits for that
  // comparison and cannot be captured.
  bool find_unused_parameters = false;
};

// Throws c10::Error if an option is out of range.
void check_gradient_options(const GradientOptions& options);

}  // namespace accelerate
