// The ranks of a machine at one moment: what they have noted, and what the system says about their
// processes.
//
// Example:
//   FlightView view = look_at(*memory);
//   for (const std::string& sentence : findings(view)) std::cerr << sentence << "\n";
//   view.ranks[0].stacks = read_stacks(view.ranks[0].record.pid());
//
// Not kept up to date: look again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/flight_record/flight_memory.h"
#include "launcher/flight_record/flight_snapshot.h"
#include "launcher/flight_record/stacks.h"

namespace accelerate::launcher {

struct RankView {
  RankRecord record = {};
  // The state of the process, a letter as in /proc: 'R' runs, 'S' waits, 'T' is stopped, 't' is in
  // a debugger. 0 if it has ended or not begun, or another process has its pid; '?' if several
  // processes may be meant. The pid in `record` is the one that the process has here, even if it
  // runs in a container.
  char state = 0;
  Stacks stacks = {};

  bool has_ended() const { return record.pid() != 0 && state == 0; }
};

struct FlightView {
  std::uint64_t now = 0;
  int world_size = 1;
  std::vector<RankView> ranks = {};  // The ranks of this machine.
};

FlightView look_at(const FlightMemory& memory);

// What to say first: which ranks differ, and which wait for them. One line each, without a line
// break. Leaves out the lines in `told`, which the caller printed before it had the stacks.
std::vector<std::string> findings(const FlightView& view,
                                  const std::vector<std::string>& told = {});

}  // namespace accelerate::launcher
