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

#include "launcher/supervisor/worker_end.h"

namespace accelerate::launcher {

struct GroupEnd {
  // To this process: it ended the group, unless a rank had failed before.
  std::optional<int> received_signal = std::nullopt;
  std::optional<int> failed_rank = std::nullopt;  // On this machine, whose end stopped the others.
  pid_t failed_process = 0;
  WorkerEnd worker_end = {};
  std::string last_errors = "";  // The end of its standard error, where that was relayed.

  // What a shell makes of it.
  int exit_code() const {
    const bool by_signal = received_signal.has_value() && !failed_rank.has_value();
    return by_signal ? 128 + *received_signal : worker_end.exit_code();
  }
};

}  // namespace accelerate::launcher
