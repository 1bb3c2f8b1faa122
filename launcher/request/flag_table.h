// The launch flags: their names, their values, and where in a LaunchRequest the values go.
//
// Example:
//   const LaunchFlag* flag = find_launch_flag("--num-processes=2");
//   absl::Status status = set_launch_flag(*flag, "2", request);
//
// Not for programs: parse_launch_flags() and parse_launch_command() (flags.h) read command lines.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "launcher/config/config_keys.h"
#include "launcher/request/launch_request.h"

namespace accelerate::launcher {

// Which programs a flag is for.
enum class FlagUse {
  kLaunch,   // `accelerate launch`, and programs that launch themselves.
  kCommand,  // Only `accelerate launch`.
  kPython,   // The same, which passes it on to Python programs.
  kNobody,   // `accelerate launch` accepts and ignores it, because Python's has it.
};

// Who decides what a flag says, if not the launcher that reads it. The flag is then ignored, and
// the user is told so.
enum class Decider {
  kOtherLauncher,  // It has started this process and given it its place.
  kMpirun,         // It starts, numbers and binds the processes of this launch.
  kPrintedJob,     // SLURM or Kubernetes, for which a job is printed.
  kPrintedMpirun,  // mpirun, for which a command line is printed.
};

struct LaunchFlag {
  using Set = absl::Status (*)(const std::string& value, LaunchRequest& request);

  std::string name = "";        // With underscores, without the leading hyphens.
  std::string value_name = "";  // Empty for a switch. "N", "NUMBER", "BOOL" and "{a,b}" are rules.
  std::string help = "";
  std::string group = "";  // The heading in the help.
  FlagUse use = FlagUse::kLaunch;
  // Where the value goes: where this function puts it, into this section under the flag's name, or
  // to the member for this key of config files.
  std::variant<Set, ConfigSection LaunchConfig::*, const ConfigKey*> target = Set{};
  std::string example = "";  // A valid value, if the rule does not show one.
  char letter = 0;           // A second name, only for `accelerate launch` (except -h).
  std::vector<Decider> ignored_under = {};
  // Whether a request has the flag; for one that goes to the key of a config file, the table knows.
  bool (*is_given)(const LaunchRequest& request) = nullptr;
};

// In the order of the help: rows of one group are adjacent.
const std::vector<LaunchFlag>& launch_flags();

// The flag in `word`, which may continue with `=VALUE`; hyphens count as underscores. Null if
// `word` is not a launch flag.
const LaunchFlag* find_launch_flag(const std::string& word);

// Notes in `request` that the flag was given; `value` is ignored for a switch. InvalidArgument
// names the flag with a bad value, and what to write.
absl::Status set_launch_flag(const LaunchFlag& flag, const std::string& value,
                             LaunchRequest& request);

// The flags in `request` that are ignored under `decider`, such as "--tee", in the order of the
// help.
std::vector<std::string> ignored_flags(Decider decider, const LaunchRequest& request);

}  // namespace accelerate::launcher
