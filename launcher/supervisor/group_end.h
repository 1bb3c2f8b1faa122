// How a group of workers ended; without a failed rank or a signal, it ended well.
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
  std::optional<int> failed_rank = std::nullopt;  // On this machine; its end stopped the others.
  pid_t failed_process = 0;
  WorkerEnd worker_end = {};
  std::string last_errors = "";        // The end of its standard error, if relayed.
  std::vector<int> killed_ranks = {};  // Ranks that had not ended when told to.
  bool was_killed_by_request = false;  // By a second signal, before the grace period was over.
  bool has_lost_output = false;        // Some output of the processes was lost.

  bool is_well() const { return !failed_rank.has_value() && !received_signal.has_value(); }

  // The exit code for a shell.
  int exit_code() const {
    if (failed_rank.has_value()) return worker_end.exit_code();
    if (received_signal.has_value()) return 128 + *received_signal;
    return has_lost_output ? 1 : 0;
  }
};

}  // namespace accelerate::launcher
