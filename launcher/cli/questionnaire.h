// The questions of `accelerate config`, and the config that their answers make.
//
// Example:
//   absl::StatusOr<LaunchConfig> config = ask_for_config(dialog, read_machine().num_gpus);
//   if (config.ok()) status = write_config(*config, path);
//
// The questions are Accelerate's, in its order and words, as far as they matter to programs that
// run on CPUs and NVIDIA GPUs. It does not ask about SageMaker, TPUs and other devices, dynamo,
// Megatron-LM and fp8: the config is what Accelerate writes if the user answers no to those. It
// asks about those features of DeepSpeed and FSDP that programs built here have, on the CPU as
// well. `accelerate config update` keeps the other keys of a file.
//
// Not for changing single values of a config: use a text editor.
#pragma once

#include "absl/status/statusor.h"
#include "launcher/cli/dialog/dialog.h"
#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

// Proposes `num_gpus` GPUs for each machine. Returns the errors of the dialog.
absl::StatusOr<LaunchConfig> ask_for_config(Dialog& dialog, int num_gpus);

}  // namespace accelerate::launcher
