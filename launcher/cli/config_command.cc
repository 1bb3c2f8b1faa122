#include "launcher/cli/config_command.h"

#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "launcher/cli/command.h"
#include "launcher/cli/config_default_command.h"
#include "launcher/cli/config_update_command.h"
#include "launcher/cli/dialog/interview.h"
#include "launcher/cli/dialog/open_dialog.h"
#include "launcher/cli/questionnaire.h"
#include "launcher/config/default_config.h"
#include "launcher/config/write_config.h"
#include "launcher/names/command_name.h"
#include "launcher/plan/machine.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

CommandSyntax syntax() {
  return {
      .name = "config",
      .description = absl::StrCat(
          "Asks questions about how to train, and writes the config file that `", command_name(),
          " launch` reads. The file is JSON if its name ends in .json.\n\nThrough a pipe, each "
          "line is an answer, and an empty line accepts the proposal in brackets. If the file "
          "exists already, the first answer says whether to overwrite it."),
      .flags = {{.name = "config_file",
                 .value_name = "FILE",
                 .help = absl::StrCat("The file to write (", default_config_path(), ").")},
                {.name = "overwrite", .help = "Replace an existing file without asking."}}};
}

const std::vector<Subcommand>& nested_commands() {
  static const std::vector<Subcommand> table = {
      {"default", "Write a config file for this machine, without questions.", run_config_default},
      {"update", "Add the defaults that a config file lacks.", run_config_update},
  };
  return table;
}

// How `path` may be written, after a question where there is a file. One that appears later, while
// others are asked, is not in this permission.
absl::StatusOr<WriteOptions> permit_write(const std::string& path, bool overwrite, Dialog& dialog) {
  std::error_code error;
  const std::filesystem::file_status file = std::filesystem::status(path, error);
  if (!std::filesystem::exists(file)) return WriteOptions{.overwrite = overwrite};
  if (!std::filesystem::is_regular_file(file)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "`", path, "` exists and is not a regular file; name another one with --config_file."));
  }
  if (overwrite) return WriteOptions{.overwrite = true};
  Interview interview(dialog);
  const bool agreed =
      interview.ask_yes_no(absl::StrCat("`", plain(path), "` exists. Overwrite?"), false);
  if (!interview.status().ok()) return interview.status();
  if (agreed) return WriteOptions{.overwrite = true};
  return absl::AlreadyExistsError(
      absl::StrCat("`", path, "` is unchanged; name another file with --config_file."));
}

absl::Status ask_and_write(const Arguments& arguments, const Console& console) {
  const std::string path = arguments.value("config_file").value_or(default_config_path());
  const std::unique_ptr<Dialog> dialog = open_dialog(console);
  const absl::StatusOr<WriteOptions> options =
      permit_write(path, arguments.has("overwrite"), *dialog);
  if (!options.ok()) return options.status();
  const absl::StatusOr<LaunchConfig> config = ask_for_config(*dialog, read_machine().num_gpus);
  if (!config.ok()) return config.status();
  const absl::Status written = write_config(*config, path, *options);
  if (!written.ok()) return written;
  console.output << "accelerate configuration saved at " << plain(path) << "\n";
  return absl::OkStatus();
}

}  // namespace

int run_config(const std::vector<std::string>& words, const Console& console) {
  return run_with_subcommands(
      syntax(), nested_commands(), words, console,
      [&console](const Arguments& arguments) { return ask_and_write(arguments, console); });
}

}  // namespace accelerate::launcher
