#include "launcher/flight_record/flight_view.h"

#include <utility>
#include <vector>

#include "launcher/flight_record/process_state.h"

namespace accelerate::launcher {
namespace {

// What nobody knows who looks from here.
constexpr char kUnknown = '?';

// Of the processes that belong to the run and take `noted` for their number. `owner` tells who must
// have the memory for that: otherwise another process may have the number by now.
template <class Owner>
std::vector<pid_t> processes_called(const FlightMemory& memory, pid_t noted, Owner&& owner) {
  const auto is_it = [&](pid_t pid) {
    // 0 on a kernel that knows no namespaces.
    const pid_t own = own_number_of(pid);
    return (own != 0 ? own : pid) == noted && memory.is_held_by(owner(pid));
  };
  if (is_it(noted)) return {noted};
  std::vector<pid_t> pids;
  for (const pid_t pid : all_processes())
    if (is_it(pid)) pids.push_back(pid);
  return pids;
}

// Puts the numbers that processes have here into the place of those that they have noted.
void find_process(const FlightMemory& memory, RankView& rank) {
  RankRecord& record = rank.record;
  if (record.pid() == 0) return;
  // One that notes nothing has not opened the memory, but its launcher has.
  const bool notes = record.process != 0;
  const std::vector<pid_t> pids = processes_called(
      memory, record.pid(), [notes](pid_t pid) { return notes ? pid : parent_of(pid); });
  if (pids.size() == 1) {
    (notes ? record.process : record.started) = pids[0];
    rank.state = process_state(pids[0]);
  } else if (pids.size() > 1) {
    rank.state = kUnknown;
    rank.stacks.text =
        "They are not read: several ranks take this for their number, each in a pid "
        "namespace of its own; ask there.\n";
  }
}

}  // namespace

FlightView look_at(const FlightMemory& memory) {
  FlightSnapshot snapshot = memory.read();
  FlightView view = {.now = snapshot.now, .world_size = snapshot.world_size};
  for (RankRecord& record : snapshot.ranks) {
    RankView rank = {.record = std::move(record)};
    find_process(memory, rank);
    view.ranks.push_back(std::move(rank));
  }
  return view;
}

}  // namespace accelerate::launcher
