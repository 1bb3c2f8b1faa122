// How the machines of one job wait for each other: the settings of `--rdzv_conf`, with torchrun's
// names.
//
// Example:
//   const auto reading = parse_rendezvous_settings("join_timeout=60,keep_alive_interval=2");
//   if (!reading.ok()) return fail(reading.status());
//   wait_at_most(reading->settings.join_timeout);
//
// Not for jobs on one machine, which do not wait.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

// The defaults are torchrun's.
struct RendezvousSettings {
  // How long the machines wait for the last of them, at the start and at each restart.
  std::chrono::seconds join_timeout{600};
  // A machine is lost after this many unanswered checks in a row, at this interval.
  std::chrono::seconds keep_alive_interval{5};
  int keep_alive_max_attempt = 3;

  std::chrono::seconds keep_alive_limit() const {
    return keep_alive_interval * keep_alive_max_attempt;
  }

  bool operator==(const RendezvousSettings&) const = default;
};

struct RendezvousReading {
  RendezvousSettings settings = {};
  std::vector<std::string> ignored = {};  // Names of torchrun's that have no effect here.
};

// Reads `name=value,name=value`; an empty text gives the defaults. `timeout`, from torchrun's
// static rendezvous, is another name of join_timeout. InvalidArgument names what is wrong, and for
// an unknown name the nearest one. Thread-safe.
absl::StatusOr<RendezvousReading> parse_rendezvous_settings(const std::string& text);

}  // namespace accelerate::launcher
