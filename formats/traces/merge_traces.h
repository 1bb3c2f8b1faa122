// Traces of several ranks in Chrome's format as one, on one time line, for a viewer such as
// Perfetto.
//
// Example:
//   absl::StatusOr<std::vector<TraceFile>> files = find_traces("traces");
//   if (!files.ok()) return files.status();
//   const auto remarks = merge_traces(*files, "traces/trace.json");
//   if (!remarks.ok()) return remarks.status();
//   for (const std::string& remark : *remarks) std::cerr << remark << "\n";
//
// The times of different machines are as their clocks had them. Not for looking at what is in a
// trace.
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
  // The first step in it; 0 where the file's name has none.
  std::int64_t step = 0;
};

// The `profile_RANK.json` and `profile_RANK_step_N.json` of a folder, by rank and step. NotFound
// where there are none; the error names the folder.
absl::StatusOr<std::vector<TraceFile>> find_traces(const std::string& folder);

// Writes a trace with all of them, each process and each GPU named by its rank; replaces a file
// that is there, and is there in full or not at all. A symbolic link of that path is followed where
// a person has named it. Takes the memory of the largest of the traces,
// some ten times over. An error names the file. A sentence comes back for each trace that has no
// moment in common with the one of the same step of the lowest rank: it may be another run's.
absl::StatusOr<std::vector<std::string>> merge_traces(const std::vector<TraceFile>& files,
                                                      const std::string& path,
                                                      bool is_named_by_user = false);

}  // namespace accelerate::traces
