// Where the processes of a run find out which of them share a host, and the processes of each host
// get memory that they share.
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
  // Of each host's memory.
  int num_lanes = 1;
  // Ranks with different ones count as on different hosts.
  std::string host = {};
  // What messages call the ranks, where it is not these; one for each, or none.
  std::vector<int> run_ranks = {};
};

// All that ranks of one host share.
struct Meeting {
  // The ranks of each host, hosts in the order of their first ranks; and which is this one's.
  std::vector<std::vector<int>> hosts;
  size_t own_host = 0;
  std::shared_ptr<Region> region = {};
  LanePeers peers;
  // Why some host has no shared memory, the same on all ranks; empty where all have.
  std::string obstacle;

  void* lane_memory(int lane) const;
};

// The store is for this alone. Throws c10::Error when a rank does not come in the store's time.
Meeting meet(c10d::Store& store, const MeetingOptions& options);

}  // namespace accelerate::internal
