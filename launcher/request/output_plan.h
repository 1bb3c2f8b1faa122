// What becomes of the output of the processes beyond that it is passed on.
//
// Example:
//   absl::StatusOr<Tee> tee = parse_tee("0:1,1:3");
//   if (!tee.ok()) return fail(tee.status());
//   plan.output = {.log_dir = "logs", .tee = *tee};
//
// A program that finds a pipe in place of its terminal may write late; Python does not with -u.
//
// Not for what the launcher itself has to say: that goes to standard error.
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

// Which streams of which processes are shown with a mark before each line.
struct Tee {
  Streams all = {};                     // Of each process,
  std::vector<RankStreams> ranks = {};  // but where this has entries, of these alone.

  Streams of(int rank) const;

  bool operator==(const Tee&) const = default;
};

struct OutputPlan {
  // The folder in which each run makes one of its own, for a file of each process and stream, as
  // torchrun does: RUN/attempt_0/0/stdout.log, stderr.log. Empty where nothing is kept.
  std::string log_dir = "";
  // Lines of these begin with "[default0]:", the role and the rank among all, where there are
  // several processes.
  Tee tee = {};
  // The processes of this machine, by their ranks on it, whose output is shown at all; empty for
  // all of them. What the others print is kept where there is a folder for it, and goes nowhere
  // else.
  std::vector<int> shown_local_ranks = {};

  bool shows(int local_rank) const;

  bool operator==(const OutputPlan&) const = default;
};

// As torchrun writes it: 0 for no stream, 1 for standard output, 2 for standard error, 3 for both;
// or one of these for single ranks, among all of the job, "0:1,1:3". InvalidArgument says what is
// valid.
absl::StatusOr<Tee> parse_tee(const std::string& text);

// As torchrun writes its --local-ranks-filter: "0", "0,2". InvalidArgument says what is valid.
absl::StatusOr<std::vector<int>> parse_local_ranks(const std::string& text);

// InvalidArgument where a plan that is to show some of the processes shows none of those that there
// are on this machine.
absl::Status check_shown_ranks(const OutputPlan& plan, int num_processes);

// A line about the ranks that the plan names and that there are not among `num_processes` of this
// machine and `world_size` of all; empty where all are there.
std::string absent_ranks_remark(const OutputPlan& plan, int num_processes, int world_size);

}  // namespace accelerate::launcher
