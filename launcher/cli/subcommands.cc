#include "launcher/cli/subcommands.h"

#include "launcher/cli/checkpoint_command.h"
#include "launcher/cli/config_command.h"
#include "launcher/cli/env_command.h"
#include "launcher/cli/estimate_memory_command.h"
#include "launcher/cli/launch_command.h"
#include "launcher/cli/test_command.h"
#include "launcher/cli/tokens_command.h"

namespace accelerate::launcher {

const std::vector<Subcommand>& subcommands() {
  static const std::vector<Subcommand> table = {
      {"launch", "Start a program in one or many processes.", run_launch},
      {"config", "Ask how to train, and write a config file from the answers.", run_config},
      {"env", "Describe this machine and this build, for a bug report.", run_env},
      {"estimate-memory", "Estimate how much memory a model takes.", run_estimate_memory},
      {"test", "Check that this machine is ready for training on many processes.", run_test},
      {"checkpoint", "Look at what training has saved, and whether it is whole.", run_checkpoint},
      {"tokens", "Turn text into a file of tokens to train on.", run_tokens},
  };
  return table;
}

}  // namespace accelerate::launcher
