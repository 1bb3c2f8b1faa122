// Where the processes of a job meet when a scheduler started them, and nobody chose a place.
//
// Example:
//   const MeetingPlace place = {.address = "node-3", .port = job_port(4711)};
//
// Not for a run of this launcher: make_launch_plan() (launch_plan.h) decides where that meets.
#pragma once

#include <cstdint>
#include <string>

namespace accelerate::launcher {

struct MeetingPlace {
  std::string address = "127.0.0.1";
  int port = 29500;

  bool operator==(const MeetingPlace&) const = default;
};

// A port that every process of a job can work out from its number, and that two jobs on one machine
// hardly share: from 20480 to 28671. Systems hand out higher ones to connections by themselves, and
// SLURM's daemons, torchrun (29500) and this launcher use none of these.
constexpr int job_port(uint64_t number) { return static_cast<int>(20480 + number % 8192); }

}  // namespace accelerate::launcher
