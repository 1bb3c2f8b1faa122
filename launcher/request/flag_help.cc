#include "launcher/request/flag_help.h"

#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "launcher/names/command_name.h"
#include "launcher/names/help_text.h"
#include "launcher/request/flag_table.h"

namespace accelerate::launcher {
namespace {

constexpr int kHelpColumn = 38;

enum class Letters { kAll, kHelpAlone };

// "-t, --tee STREAMS".
std::string usage(const LaunchFlag& flag, Letters letters) {
  const bool has_letter = flag.letter != 0 && (letters == Letters::kAll || flag.name == "help");
  return absl::StrCat(has_letter ? absl::StrCat("-", std::string(1, flag.letter), ", ") : "", "--",
                      flag.name, flag.value_name.empty() ? "" : " ", flag.value_name);
}

// The names of flags without a description fill lines.
void append_names(std::vector<std::string>& names, int width, std::string& help) {
  if (names.empty()) return;
  absl::StrAppend(&help, "  ", wrapped_words(names, width - 2, 2), "\n");
  names.clear();
}

std::string described_flags(Letters letters, int width,
                            const std::function<bool(const LaunchFlag&)>& is_shown) {
  std::string help;
  std::string group;
  std::vector<std::string> names;
  for (const LaunchFlag& flag : launch_flags()) {
    if (!is_shown(flag)) continue;
    if (flag.group != group) {
      append_names(names, width, help);
      group = flag.group;
      absl::StrAppend(&help, "\n", group, ":\n");
    }
    if (flag.help.empty()) {
      names.push_back(absl::StrCat("--", flag.name));
    } else {
      append_help_row(usage(flag, letters), flag.help, {.column = kHelpColumn, .width = width},
                      help);
    }
  }
  append_names(names, width, help);
  return help;
}

}  // namespace

std::string launch_flags_help(const IsProgramFlag& is_program_flag, int width) {
  return absl::StrCat(
      wrapped("Launch flags can be anywhere before `--`. Unrecognised flags are passed to the "
              "program, and so is everything after `--`. Defaults are in parentheses.",
              width),
      "\n", described_flags(Letters::kHelpAlone, width, [&](const LaunchFlag& flag) {
        const bool claimed = is_program_flag != nullptr && is_program_flag(flag.name);
        return flag.use == FlagUse::kLaunch && (!claimed || flag.name == "help");
      }));
}

std::string launch_command_help(int width) {
  return absl::StrCat(
      "usage: ", command_name(), " launch [FLAG ...] PROGRAM [ARGUMENT ...]\n\n",
      wrapped("Starts PROGRAM in several processes. Flags choose the devices, the precision and so "
              "on; then the environment, then the config file. PROGRAM is a program built here, "
              "any other executable, a Python script (.py) or, with --module, a Python module. "
              "Everything after it is passed to it. Defaults are in parentheses.",
              width),
      "\n", described_flags(Letters::kAll, width, [](const LaunchFlag&) { return true; }));
}

}  // namespace accelerate::launcher
