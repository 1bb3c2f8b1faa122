#include "launcher/cli/config_update_command.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "launcher/cli/command.h"
#include "launcher/config/default_config.h"
#include "launcher/config/read_config.h"
#include "launcher/config/write_config.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

// The file that is used when none is named, or else where it would be, for the message.
std::string found_config_path() { return find_default_config().value_or(default_config_path()); }

CommandSyntax syntax() {
  return {.name = "config update",
          .description =
              "Rewrites a config file, also one of an old version, and adds the defaults that it "
              "lacks. Comments are lost.",
          .flags = {{.name = "config_file",
                     .value_name = "FILE",
                     .help = absl::StrCat("The file to update (", found_config_path(), ").")}}};
}

absl::Status update(const Arguments& arguments, const Console& console) {
  const std::string path = arguments.value("config_file").value_or(found_config_path());
  const absl::StatusOr<ReadConfig> read = read_config(path);
  if (!read.ok()) return read.status();
  for (const std::string& warning : read->warnings) console.errors << plain_lines(warning) << "\n";
  const absl::Status written =
      write_config(fill_missing_values(read->config), path, {.overwrite = true});
  if (!written.ok()) return written;
  console.output << "Successfully updated the configuration file at " << plain(path) << ".\n";
  return absl::OkStatus();
}

}  // namespace

int run_config_update(const std::vector<std::string>& words, const Console& console) {
  return run_with_arguments(syntax(), words, console, [&console](const Arguments& arguments) {
    return update(arguments, console);
  });
}

}  // namespace accelerate::launcher
