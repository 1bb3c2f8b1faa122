// The ranks of a machine at one moment: what they have noted, and what the system says of their
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
  // A letter as in /proc: 'R' and 'S' run or wait, 'T' is stopped, 't' in a debugger; 0 where it
  // has ended, or has not begun, or where another process has its number; '?' where several may be
  // meant. Its record has the number that the process has here, also where it runs in a container.
  char state = 0;
  Stacks stacks = {};

  bool has_ended() const { return record.pid() != 0 && state == 0; }
};

struct FlightView {
  std::uint64_t now = 0;
  int world_size = 1;
  std::vector<RankView> ranks = {};  // Of this machine.
};

FlightView look_at(const FlightMemory& memory);

// What is to be said first: which ranks differ, and who waits for them. A line each, without its
// end; without those that have been told, as when the stacks were not there yet.
std::vector<std::string> findings(const FlightView& view,
                                  const std::vector<std::string>& told = {});

}  // namespace accelerate::launcher
