#include "launcher/cli/subcommands.h"

#include "launcher/cli/checkpoint_command.h"
#include "launcher/cli/config_command.h"
#include "launcher/cli/dump_command.h"
#include "launcher/cli/env_command.h"
#include "launcher/cli/estimate_memory_command.h"
#include "launcher/cli/launch_command.h"
#include "launcher/cli/runs_command.h"
#include "launcher/cli/test_command.h"
#include "launcher/cli/tokens_command.h"
#include "launcher/cli/trace_command.h"

namespace accelerate::launcher {

const std::vector<Subcommand>& subcommands() {
  static const std::vector<Subcommand> table = {
      {"launch", "Start a program in one or many processes.", run_launch},
      {"config", "Ask how to train, and write a config file from the answers.", run_config},
      {"env", "Describe this machine and this build, for a bug report.", run_env},
      {"estimate-memory", "Estimate how much memory a model takes.", run_estimate_memory},
      {"dump", "Show where the processes of a run are, without stopping it.", run_dump},
      {"test", "Check that this machine is ready for training on many processes.", run_test},
      {"checkpoint", "List, verify and remove checkpoints.", run_checkpoint},
      {"runs", "Compare training runs by what they have logged.", run_runs},
      {"trace", "Merge the profiler traces of all ranks into one timeline.", run_trace},
      {"tokens", "Turn text into a file of tokens to train on.", run_tokens},
  };
  return table;
}

}  // namespace accelerate::launcher
