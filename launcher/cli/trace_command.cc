#include "launcher/cli/trace_command.h"

#include <filesystem>
#include <set>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "formats/traces/merge_traces.h"
#include "launcher/cli/command.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

absl::Status merge(const Arguments& arguments, const Console& console) {
  const std::string& folder = arguments.positionals[0];
  const absl::StatusOr<std::vector<traces::TraceFile>> files = traces::find_traces(folder);
  if (!files.ok()) return files.status();
  const std::string path =
      arguments.value("output").value_or((std::filesystem::path(folder) / "trace.json").string());
  const absl::StatusOr<std::vector<std::string>> remarks =
      traces::merge_traces(*files, path, arguments.has("output"));
  if (!remarks.ok()) return remarks.status();
  std::set<int> ranks;
  for (const traces::TraceFile& file : *files) ranks.insert(file.rank);
  console.output << plain(path) << ": " << files->size()
                 << (files->size() == 1 ? " trace" : " traces") << " of " << ranks.size()
                 << (ranks.size() == 1 ? " rank" : " ranks")
                 << "; open it in https://ui.perfetto.dev or chrome://tracing.\n";
  for (const std::string& remark : *remarks) console.output << plain(remark) << "\n";
  return absl::OkStatus();
}

}  // namespace

int run_trace(const std::vector<std::string>& words, const Console& console) {
  const CommandSyntax syntax = {
      .name = "trace",
      .description =
          "Merges the traces that accelerator.profile() wrote for each rank into one timeline, for "
          "a viewer of Chrome traces.",
      .positionals = {{.name = "FOLDER", .help = "The folder with the profile_RANK.json files."}},
      .flags = {{.name = "output",
                 .value_name = "FILE",
                 .help = "The file to write (FOLDER/trace.json)."}}};
  return run_with_arguments(syntax, words, console, [&console](const Arguments& arguments) {
    return merge(arguments, console);
  });
}

}  // namespace accelerate::launcher
