// How machines of one job wait for each other, as `--rdzv_conf` says it in torchrun's words.
//
// Example:
//   const auto reading = parse_rendezvous_settings("join_timeout=60,keep_alive_interval=2");
//   if (!reading.ok()) return fail(reading.status());
//   wait_at_most(reading->settings.join_timeout);
//
// Not for jobs of one machine, where nobody waits.
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
  // A machine that does not answer so many times in a row, at this distance, is lost.
  std::chrono::seconds keep_alive_interval{5};
  int keep_alive_max_attempt = 3;

  std::chrono::seconds keep_alive_limit() const {
    return keep_alive_interval * keep_alive_max_attempt;
  }

  bool operator==(const RendezvousSettings&) const = default;
};

struct RendezvousReading {
  RendezvousSettings settings = {};
  std::vector<std::string> ignored = {};  // Names that torchrun knows, and that mean nothing here.
};

// Reads `name=value,name=value`; nothing at all is all defaults. `timeout`, as torchrun's static
// rendezvous has it, is another name of join_timeout. InvalidArgument names what is wrong, and for
// an unknown name the nearest one. Thread-safe.
absl::StatusOr<RendezvousReading> parse_rendezvous_settings(const std::string& text);

}  // namespace accelerate::launcher
