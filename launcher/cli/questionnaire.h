// The questions of `accelerate config`, and the config that their answers make.
//
// Example:
//   absl::StatusOr<LaunchConfig> config = ask_for_config(dialog, read_machine().num_gpus);
//   if (config.ok()) status = write_config(*config, path);
//
// The questions are Accelerate's, in its order and words, as far as they matter to programs that
// run on CPUs and NVIDIA GPUs. It does not ask about SageMaker, TPUs and other devices, dynamo,
// Megatron-LM and fp8: the config is what Accelerate makes where those are answered with no. Of
// DeepSpeed and FSDP it asks for what programs built here have of them, on the CPU as well. A file
// that has other keys keeps them in `accelerate config update`.
//
// Not for changing single values of a config: a text editor is.
#pragma once

#include "absl/status/statusor.h"
#include "launcher/cli/dialog/dialog.h"
#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

// Proposes to use the `num_gpus` that each machine is taken to have. Errors are the dialog's.
absl::StatusOr<LaunchConfig> ask_for_config(Dialog& dialog, int num_gpus);

}  // namespace accelerate::launcher
