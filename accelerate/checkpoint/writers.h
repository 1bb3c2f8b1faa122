// Which processes write a checkpoint together: those whose folders are one.
//
// That is found out by writing: each rank leaves a file in the folder and looks for those of the
// others. Part of the checkpoints; not for others.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace accelerate::internal {

struct Writers {
  // Ranks, the leader first.
  std::vector<int> ranks;
  // The place of the own rank among them.
  int member = 0;
};

// Gives all ranks every rank's text, or throws on all.
using Exchange = std::function<std::vector<std::string>(const std::string& text)>;

// Leaves the rank's file in the folder. Throws c10::Error where it cannot.
void make_part(const std::string& unfinished, int rank);

// Rank 0 has made the folder and its file there. Where others do not see that, a rank of each host
// (`leads_host`) makes the folder there. Afterwards each rank has a file in it (part_path()).
// Collective; throws c10::Error on all ranks where one cannot write there.
Writers find_writers(const Exchange& exchange, int rank, bool leads_host,
                     const std::string& unfinished);

}  // namespace accelerate::internal
