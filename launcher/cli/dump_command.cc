#include "launcher/cli/dump_command.h"

#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "launcher/cli/command.h"
#include "launcher/env/integer.h"
#include "launcher/flight_record/flight_memory.h"
#include "launcher/flight_record/flight_report.h"
#include "launcher/flight_record/flight_view.h"
#include "launcher/names/command_name.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

const CommandSyntax& syntax() {
  static const CommandSyntax syntax = {
      .name = "dump",
      .description =
          "Shows where the processes of a run on this machine are: which of them differ, and which "
          "wait for which. Writes the last collectives and the threads of each to a file. The run "
          "continues; eu-stack or gdb stops each process only for a moment.",
      .positionals = {{.name = "PID",
                       .help = absl::StrCat("The process of `", command_name(),
                                            " launch`, or one of those it started.")}},
      .flags = {{.name = "output",
                 .value_name = "FILE",
                 .help = "The file (ranks_RANKS_TIME.txt in the current folder)."},
                {.name = "no_stacks", .help = "Do not look at the threads."}}};
  return syntax;
}

void print(const std::vector<std::string>& sentences, const Console& console) {
  for (const std::string& sentence : sentences) console.output << sentence << "\n";
  console.output << std::flush;
}

absl::Status dump(const Arguments& arguments, const Console& console) {
  const absl::StatusOr<int> pid = parse_integer(
      arguments.positionals[0], {.name = "PID",
                                 .minimum = 1,
                                 .maximum = std::numeric_limits<int>::max(),
                                 .remedy = "`pgrep -f accelerate` lists process numbers."});
  if (!pid.ok()) return pid.status();
  const absl::StatusOr<FlightMemory> memory = FlightMemory::of_process(*pid);
  if (!memory.ok()) return memory.status();
  FlightView view = look_at(*memory);
  // Before the debuggers, which may take a while.
  const std::vector<std::string> told = findings(view);
  print(told, console);
  const bool has_stacks = !arguments.has("no_stacks");
  if (has_stacks) read_all_stacks(view);
  print(findings(view, told), console);
  const absl::StatusOr<std::string> path = write_flight_report(
      view, {.occasion = absl::StrCat("as `", command_name(), " dump` was asked"),
             .path = arguments.value("output").value_or("")});
  if (!path.ok()) return path.status();
  console.output << "\nWhat each rank did last" << (has_stacks ? " and where its threads are" : "")
                 << " is in " << plain(*path) << ".\n";
  return absl::OkStatus();
}

}  // namespace

int run_dump(const std::vector<std::string>& words, const Console& console) {
  return run_with_arguments(syntax(), words, console, [&console](const Arguments& arguments) {
    return dump(arguments, console);
  });
}

}  // namespace accelerate::launcher
