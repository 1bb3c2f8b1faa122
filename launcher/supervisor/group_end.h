// How a group of workers ended: well, where it has neither a failed rank nor a signal.
//
// Example:
//   if (end.failed_rank.has_value()) std::cerr << describe(end.worker_end) << "\n";
//
// Not for one worker: that has a WorkerEnd.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "launcher/posix/worker_end.h"

namespace accelerate::launcher {

struct GroupEnd {
  // To this process: it ended the group, unless a rank had failed before.
  std::optional<int> received_signal = std::nullopt;
  std::optional<int> failed_rank = std::nullopt;  // On this machine, whose end stopped the others.
  pid_t failed_process = 0;
  WorkerEnd worker_end = {};
  std::string last_errors = "";        // The end of its standard error, where that was relayed.
  std::vector<int> killed_ranks = {};  // Those that had not ended when they were told to,
  bool was_killed_by_request = false;  // nor when they were told so once more.
  bool has_lost_output = false;        // What the processes printed did not get out.

  bool is_well() const { return !failed_rank.has_value() && !received_signal.has_value(); }

  // What a shell makes of it.
  int exit_code() const {
    if (failed_rank.has_value()) return worker_end.exit_code();
    if (received_signal.has_value()) return 128 + *received_signal;
    return has_lost_output ? 1 : 0;
  }
};

}  // namespace accelerate::launcher
