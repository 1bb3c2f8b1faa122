#include "launcher/cli/config_default_command.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "launcher/cli/command.h"
#include "launcher/config/default_config.h"
#include "launcher/config/write_config.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/names/command_name.h"
#include "launcher/plan/machine.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

CommandSyntax syntax() {
  return {.name = "config default",
          .description =
              "Writes a config file for this machine: for all its GPUs, or for one process on the "
              "CPU if it has none. The file is JSON if its name ends in .json. An existing file is "
              "not changed.",
          .flags = {{.name = "config_file",
                     .value_name = "FILE",
                     .help = absl::StrCat("The file to write (", default_config_path(), ").")},
                    {.name = "mixed_precision",
                     .value_name = "PRECISION",
                     .help = "no, fp16 or bf16 (no)."}}};
}

absl::Status write_default(const Arguments& arguments, const Console& console) {
  const absl::StatusOr<MixedPrecision> precision =
      parse_mixed_precision(arguments.value("mixed_precision").value_or("no"));
  if (!precision.ok()) return precision.status();
  const LaunchConfig config = machine_config(read_machine().num_gpus, *precision);
  const std::string path = arguments.value("config_file").value_or(default_config_path());
  const absl::Status written = write_config(config, path);
  if (absl::IsAlreadyExists(written)) {
    console.output << "Configuration already exists at " << plain(path)
                   << ", will not override. Run `" << command_name()
                   << " config` manually or pass a different "
                      "`--config_file`.\n";
    return absl::OkStatus();
  }
  if (!written.ok()) return written;
  console.output << "accelerate configuration saved at " << plain(path) << "\n";
  return absl::OkStatus();
}

}  // namespace

int run_config_default(const std::vector<std::string>& words, const Console& console) {
  return run_with_arguments(syntax(), words, console, [&console](const Arguments& arguments) {
    return write_default(arguments, console);
  });
}

LaunchConfig machine_config(int num_gpus, MixedPrecision precision) {
  return fill_missing_values(
      {.distributed_type = num_gpus > 1 ? DistributedType::kMultiGpu : DistributedType::kNo,
       .mixed_precision = precision,
       .use_cpu = num_gpus == 0,
       .num_processes = std::max(num_gpus, 1)});
}

}  // namespace accelerate::launcher
