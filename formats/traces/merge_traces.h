// Merges traces of several ranks in Chrome's format into one, on one time line, for a viewer such
// as Perfetto.
//
// Example:
//   absl::StatusOr<std::vector<TraceFile>> files = find_traces("traces");
//   if (!files.ok()) return files.status();
//   const auto remarks = merge_traces(*files, "traces/trace.json");
//   if (!remarks.ok()) return remarks.status();
//   for (const std::string& remark : *remarks) std::cerr << remark << "\n";
//
// Times are those of each machine's clock, which may differ. Not for analysing a trace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace accelerate::traces {

struct TraceFile {
  std::string path;
  int rank = 0;
  // The first step in the trace; 0 if the file's name has none.
  std::int64_t step = 0;
};

// The `profile_RANK.json` and `profile_RANK_step_N.json` files of a folder, by rank and step.
// NotFound if there are none; the error names the folder.
absl::StatusOr<std::vector<TraceFile>> find_traces(const std::string& folder);

// Writes one trace with all of them, in which each process and each GPU is named by its rank.
// Replaces an existing file, atomically; follows a symbolic link if a user named the path. Takes
// about ten times the memory of the largest trace. An error names the file. Returns a sentence for
// each trace that does not overlap in time with the trace of the same step of the lowest rank: it
// may be from another run.
absl::StatusOr<std::vector<std::string>> merge_traces(const std::vector<TraceFile>& files,
                                                      const std::string& path,
                                                      bool is_named_by_user = false);

}  // namespace accelerate::traces
