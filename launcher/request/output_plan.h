// What happens to the output of the processes in addition to passing it on.
//
// Example:
//   absl::StatusOr<Tee> tee = parse_tee("0:1,1:3");
//   if (!tee.ok()) return fail(tee.status());
//   plan.output = {.log_dir = "logs", .tee = *tee};
//
// A program may buffer its output if it finds a pipe instead of a terminal; `python -u` does not.
//
// Not for messages of the launcher itself, which go to standard error.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace accelerate::launcher {

struct Streams {
  bool out = false;
  bool err = false;

  bool operator==(const Streams&) const = default;
};

struct RankStreams {
  int rank = 0;  // Among all of the job.
  Streams streams = {};

  bool operator==(const RankStreams&) const = default;
};

// Which streams of which processes are shown with a label before each line.
struct Tee {
  Streams all = {};                     // For every process, if `ranks` is empty.
  std::vector<RankStreams> ranks = {};  // If not empty, only for these.

  Streams of(int rank) const;

  bool operator==(const Tee&) const = default;
};

struct OutputPlan {
  // The folder in which each run makes its own folder, with a file for each process and stream, as
  // torchrun does: RUN/attempt_0/0/stdout.log, stderr.log. Empty if nothing is kept.
  std::string log_dir = "";
  // If there are several processes, lines of these begin with "[default0]:", the role and the
  // global rank.
  Tee tee = {};
  // The local ranks whose output is shown; empty for all. The output of the others is only kept in
  // log_dir, if there is one.
  std::vector<int> shown_local_ranks = {};

  bool shows(int local_rank) const;

  bool operator==(const OutputPlan&) const = default;
};

// In torchrun's notation: 0 for no stream, 1 for standard output, 2 for standard error, 3 for both;
// or one of these for single global ranks, "0:1,1:3". InvalidArgument says what is valid.
absl::StatusOr<Tee> parse_tee(const std::string& text);

// In the notation of torchrun's --local-ranks-filter: "0", "0,2". InvalidArgument says what is
// valid.
absl::StatusOr<std::vector<int>> parse_local_ranks(const std::string& text);

// InvalidArgument if the plan shows none of the processes of this machine.
absl::Status check_shown_ranks(const OutputPlan& plan, int num_processes);

// A line about ranks that the plan names and that do not exist among the `num_processes` of this
// machine and the `world_size` of the job; empty if all exist.
std::string absent_ranks_remark(const OutputPlan& plan, int num_processes, int world_size);

}  // namespace accelerate::launcher
