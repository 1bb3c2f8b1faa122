#include "launcher/request/flag_help.h"

#include <algorithm>
#include <cstddef>
#include <functional>

#include "absl/strings/str_cat.h"
#include "launcher/request/flag_table.h"

namespace accelerate::launcher {
namespace {

constexpr std::size_t kLineLength = 100;
constexpr std::size_t kHelpColumn = 38;

enum class Letters { kAll, kHelpAlone };

// "-t, --tee STREAMS".
std::string usage(const LaunchFlag& flag, Letters letters) {
  const bool has_letter = flag.letter != 0 && (letters == Letters::kAll || flag.name == "help");
  return absl::StrCat(has_letter ? absl::StrCat("-", std::string(1, flag.letter), ", ") : "", "--",
                      flag.name, flag.value_name.empty() ? "" : " ", flag.value_name);
}

void append_described(const LaunchFlag& flag, Letters letters, std::string& help) {
  std::string row = absl::StrCat("  ", usage(flag, letters));
  // What is too long to stand beside its meaning stands above it, and what is too long for a line
  // goes on below.
  if (row.size() + 1 > kHelpColumn) {
    absl::StrAppend(&help, row, "\n");
    row.clear();
  }
  for (std::size_t begin = 0; begin < flag.help.size();) {
    std::size_t end = flag.help.size();
    const std::size_t most = begin + kLineLength - kHelpColumn;
    if (end > most) end = flag.help.rfind(' ', most);
    row.resize(kHelpColumn, ' ');
    absl::StrAppend(&help, row, flag.help.substr(begin, end - begin), "\n");
    row.clear();
    begin = end + 1;
  }
}

// The names of flags without a description fill lines.
void append_name(const LaunchFlag& flag, std::string& line, std::string& help) {
  if (line.size() + flag.name.size() + 3 > kLineLength) {
    absl::StrAppend(&help, line, "\n");
    line.clear();
  }
  absl::StrAppend(&line, line.empty() ? "  --" : " --", flag.name);
}

std::string described_flags(Letters letters,
                            const std::function<bool(const LaunchFlag&)>& is_shown) {
  std::string help;
  std::string group;
  std::string names;
  const auto end_names = [&] {
    if (!names.empty()) absl::StrAppend(&help, names, "\n");
    names.clear();
  };
  for (const LaunchFlag& flag : launch_flags()) {
    if (!is_shown(flag)) continue;
    if (flag.group != group) {
      end_names();
      group = flag.group;
      absl::StrAppend(&help, "\n", group, ":\n");
    }
    if (flag.help.empty()) {
      append_name(flag, names, help);
    } else {
      append_described(flag, letters, help);
    }
  }
  end_names();
  return help;
}

}  // namespace

std::string launch_flags_help(const IsProgramFlag& is_program_flag) {
  return absl::StrCat(
      "Launch flags, anywhere before `--`; what they do not know goes to the program, and so does\n"
      "everything after `--`. The default of a flag stands in parentheses.\n",
      described_flags(Letters::kHelpAlone, [&](const LaunchFlag& flag) {
        const bool claimed = is_program_flag != nullptr && is_program_flag(flag.name);
        return flag.use == FlagUse::kLaunch && (!claimed || flag.name == "help");
      }));
}

std::string launch_command_help() {
  return absl::StrCat(
      "usage: accelerate launch [FLAG ...] PROGRAM [ARGUMENT ...]\n\n"
      "Starts PROGRAM in several processes, on the devices and in the precision that the flags, "
      "the\nenvironment and the config file say, in this order. PROGRAM is one that was built "
      "here, "
      "any other\nexecutable, a Python script (.py) or, with --module, a Python module. Everything "
      "after it is its\nown. The default of a flag stands in parentheses.\n",
      described_flags(Letters::kAll, [](const LaunchFlag&) { return true; }));
}

}  // namespace accelerate::launcher
