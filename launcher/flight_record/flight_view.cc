#include "launcher/flight_record/flight_view.h"

#include <utility>

#include "launcher/flight_record/process_state.h"

namespace accelerate::launcher {
namespace {

// Otherwise another process may have its number by now. One that notes nothing has not opened the
// memory, but its launcher has.
bool is_of_run(const FlightMemory& memory, const RankRecord& record) {
  return memory.is_held_by(record.process != 0 ? record.process : parent_of(record.started));
}

}  // namespace

FlightView look_at(const FlightMemory& memory) {
  FlightSnapshot snapshot = memory.read();
  FlightView view = {.now = snapshot.now, .world_size = snapshot.world_size};
  for (RankRecord& record : snapshot.ranks) {
    RankView rank = {.record = std::move(record)};
    const pid_t pid = rank.record.pid();
    if (pid != 0 && is_of_run(memory, rank.record)) rank.state = process_state(pid);
    view.ranks.push_back(std::move(rank));
  }
  return view;
}

}  // namespace accelerate::launcher
