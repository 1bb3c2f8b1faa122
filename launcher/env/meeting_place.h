// Where the processes of a job meet when a scheduler started them, and nobody chose a place.
//
// Example:
//   const MeetingPlace place = {.address = "node-3", .port = job_port(4711)};
//
// Not for a run of this launcher: make_launch_plan() (launch_plan.h) decides where its processes
// meet.
#pragma once

#include <cstdint>
#include <string>

namespace accelerate::launcher {

struct MeetingPlace {
  std::string address = "127.0.0.1";
  int port = 29500;

  bool operator==(const MeetingPlace&) const = default;
};

// A port from 20480 to 28671 that every process computes from the number of its job, so that two
// jobs on one machine rarely share one. Systems assign higher ports to outgoing connections;
// SLURM's daemons, torchrun (29500) and this launcher do not use this range.
constexpr int job_port(uint64_t number) { return static_cast<int>(20480 + number % 8192); }

}  // namespace accelerate::launcher
