// Lets the processes of a run find out which of them share a host, and gives the processes of each
// host shared memory.
//
//   Meeting meeting = meet(store, {.rank = 2, .size = 4});   // Collective.
//   if (!meeting.obstacle.empty()) use_the_network_alone();  // On all ranks, or on none.
//   Lane lane(meeting.lane_memory(0), meeting.peers);
#pragma once

#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <vector>

#include "accelerate/comm/shared_memory/lane.h"
#include "accelerate/comm/shared_memory/region.h"

namespace accelerate::internal {

struct MeetingOptions {
  int rank;
  int size;
  // Lanes in the memory of each host.
  int num_lanes = 1;
  // Ranks with different values count as on different hosts.
  std::string host = {};
  // What messages call the ranks, if not by their numbers here; one for each rank, or empty.
  std::vector<int> run_ranks = {};
};

// Everything that the ranks of one host share.
struct Meeting {
  // The ranks of each host, with the hosts in the order of their first ranks, and the index of this
  // process's host.
  std::vector<std::vector<int>> hosts;
  size_t own_host = 0;
  std::shared_ptr<Region> region = {};
  LanePeers peers;
  // Why some host has no shared memory, the same on all ranks; empty if all hosts have it.
  std::string obstacle;

  void* lane_memory(int lane) const;
};

// The store must be used for this alone. Throws c10::Error if a rank does not come within the
// store's time-out.
Meeting meet(c10d::Store& store, const MeetingOptions& options);

}  // namespace accelerate::internal
