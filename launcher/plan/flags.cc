#include "launcher/plan/flags.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/integer.h"

namespace accelerate::launcher {
namespace {

struct FlagDescription {
  std::string name;        // With underscores, without the leading hyphens.
  std::string value_name;  // Empty for a switch, which takes no value.
  std::string group;
  std::string help;
  absl::Status (*set)(LaunchFlags& flags, const std::string& value);
};

absl::Status set_help(LaunchFlags& flags, const std::string&) {
  flags.help = true;
  return absl::OkStatus();
}

absl::Status set_cpu(LaunchFlags& flags, const std::string&) {
  flags.cpu = true;
  return absl::OkStatus();
}

absl::Status set_multi_gpu(LaunchFlags& flags, const std::string&) {
  flags.multi_gpu = true;
  return absl::OkStatus();
}

absl::Status set_mixed_precision(LaunchFlags& flags, const std::string& value) {
  const absl::StatusOr<MixedPrecision> precision = parse_mixed_precision(value);
  if (!precision.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--mixed_precision=", value, ": ", precision.status().message()));
  }
  flags.mixed_precision = *precision;
  return absl::OkStatus();
}

absl::Status set_num_processes(LaunchFlags& flags, const std::string& value) {
  const absl::StatusOr<int> number = parse_integer(
      value,
      {.name = "--num_processes", .minimum = 1, .remedy = "write for example --num_processes=2."});
  if (!number.ok()) return number.status();
  flags.num_processes = *number;
  return absl::OkStatus();
}

absl::Status set_main_process_port(LaunchFlags& flags, const std::string& value) {
  const absl::StatusOr<int> port =
      parse_integer(value, {.name = "--main_process_port",
                            .maximum = 65535,
                            .remedy = "write 0 for any free port, or leave the flag out."});
  if (!port.ok()) return port.status();
  flags.main_process_port = *port;
  return absl::OkStatus();
}

// Rows of one group stand together: the help prints them in this order.
const std::vector<FlagDescription>& flag_table() {
  static const std::vector<FlagDescription> table = {
      {"help", "", "Options", "Show this help.", set_help},
      {"cpu", "", "Hardware", "Train on the CPU, even where there are GPUs.", set_cpu},
      {"multi_gpu", "", "Hardware", "Insist on at least two GPUs, one process each.",
       set_multi_gpu},
      {"mixed_precision", "{no,fp16,bf16}", "Resources",
       "Precision of the run (ACCELERATE_MIXED_PRECISION, or no).", set_mixed_precision},
      {"num_processes", "N", "Resources",
       "Processes to start (one for each GPU, or one on the CPU).", set_num_processes},
      {"main_process_port", "PORT", "Communication",
       "Where the processes meet (0, which is any free port).", set_main_process_port},
  };
  return table;
}

// The flag that `argument` writes, up to a possible `=`; null for anything else.
const FlagDescription* find_flag(const std::string& argument) {
  if (argument == "-h") return find_flag("--help");
  if (!absl::StartsWith(argument, "--")) return nullptr;
  std::string name = argument.substr(2, argument.find('=') - 2);
  std::replace(name.begin(), name.end(), '-', '_');
  const auto found =
      std::find_if(flag_table().begin(), flag_table().end(),
                   [&name](const FlagDescription& flag) { return flag.name == name; });
  return found == flag_table().end() ? nullptr : &*found;
}

}  // namespace

absl::StatusOr<ParsedCommandLine> parse_launch_flags(const std::vector<std::string>& arguments) {
  ParsedCommandLine line;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--") {
      line.program_arguments.insert(line.program_arguments.end(), arguments.begin() + i + 1,
                                    arguments.end());
      break;
    }
    const FlagDescription* flag = find_flag(arguments[i]);
    if (flag == nullptr) {
      line.program_arguments.push_back(arguments[i]);
      continue;
    }
    const std::size_t equals = arguments[i].find('=');
    std::string value;
    if (flag->value_name.empty()) {
      if (equals != std::string::npos) {
        return absl::InvalidArgumentError(absl::StrCat(
            arguments[i], ": --", flag->name, " takes no value; write --", flag->name, " alone."));
      }
    } else if (equals != std::string::npos) {
      value = arguments[i].substr(equals + 1);
    } else if (i + 1 < arguments.size() && !absl::StartsWith(arguments[i + 1], "--")) {
      value = arguments[++i];
    } else {
      return absl::InvalidArgumentError(absl::StrCat("--", flag->name, " lacks its value; write --",
                                                     flag->name, "=", flag->value_name, "."));
    }
    const absl::Status status = flag->set(line.flags, value);
    if (!status.ok()) return status;
  }
  return line;
}

std::string launch_flags_help() {
  constexpr std::size_t kHelpColumn = 36;
  std::string help =
      "Launch flags, anywhere before `--`; what they do not know goes to the program, and so does\n"
      "everything after `--`. The default of a flag stands in parentheses.\n";
  std::string group;
  for (const FlagDescription& flag : flag_table()) {
    if (flag.group != group) {
      group = flag.group;
      absl::StrAppend(&help, "\n", group, ":\n");
    }
    std::string usage = absl::StrCat("  ", flag.name == "help" ? "-h, " : "", "--", flag.name,
                                     flag.value_name.empty() ? "" : " ", flag.value_name);
    usage.resize(std::max(kHelpColumn, usage.size() + 1), ' ');
    absl::StrAppend(&help, usage, flag.help, "\n");
  }
  return help;
}

}  // namespace accelerate::launcher
