// Host lists as SLURM writes them: `node[1-3,07],login`.
//
// Example:
//   absl::StatusOr<std::string> main = first_host("SLURM_STEP_NODELIST", "node[03-05]");  // node03
//
// Not for MPI's hostfiles, which have a line for each host.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

// All hosts, in the order of the list: numbers keep the leading zeros of the first of their range,
// and a name may have several brackets. InvalidArgument, which names `variable`, if the text is not
// such a list or has more than 65536 hosts.
absl::StatusOr<std::vector<std::string>> expand_host_list(const std::string& variable,
                                                          const std::string& text);

absl::StatusOr<std::string> first_host(const std::string& variable, const std::string& text);

}  // namespace accelerate::launcher
