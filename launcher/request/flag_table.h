// The launch flags: their names, what they take, and where in a LaunchRequest their values go.
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

// For whom a flag is.
enum class FlagUse {
  kLaunch,   // `accelerate launch`, and programs that launch themselves.
  kCommand,  // `accelerate launch` alone.
  kPython,   // The same, which passes it on to Python programs.
  kNobody,  // Taken by `accelerate launch`, because command lines of Python's have it, and ignored.
};

// Who decides, in the place of the launcher that reads a flag, what the flag says. It is ignored
// there, and the user is told so.
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
  // The value goes into the section of that name under the flag's own name, to where the key of a
  // config file goes, or to where a function puts it.
  std::variant<Set, ConfigSection LaunchConfig::*, const ConfigKey*> target = Set{};
  std::string example = "";  // A valid value, where the rule does not show one.
  char letter = 0;           // A second name, which `accelerate launch` alone takes, but for -h.
  std::vector<Decider> ignored_under = {};
  // Whether a request has the flag; for one that goes to the key of a config file, the table knows.
  bool (*is_given)(const LaunchRequest& request) = nullptr;
};

// In the order of the help: rows of one group stand together.
const std::vector<LaunchFlag>& launch_flags();

// The flag that `word` writes, up to a possible `=`, hyphens as good as underscores; null for
// anything else.
const LaunchFlag* find_launch_flag(const std::string& word);

// Notes in `request` that the flag was given; `value` is ignored for a switch. InvalidArgument
// names the flag with a bad value, and what to write.
absl::Status set_launch_flag(const LaunchFlag& flag, const std::string& value,
                             LaunchRequest& request);

// The flags that `request` has and that are ignored under `decider`, "--tee", in the order of the
// help.
std::vector<std::string> ignored_flags(Decider decider, const LaunchRequest& request);

}  // namespace accelerate::launcher
