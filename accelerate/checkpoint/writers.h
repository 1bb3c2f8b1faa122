// Finds which processes write a checkpoint together: those that see the same folder.
//
// Each rank creates a file in the folder and looks for the files of the others.
//
// Part of the checkpoints; not for others.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace accelerate::internal {

struct Writers {
  // The ranks, the leader first.
  std::vector<int> ranks;
  // The index of this rank among them.
  int member = 0;
};

// Gives every rank's text to all ranks, or throws on all of them.
using Exchange = std::function<std::vector<std::string>(const std::string& text)>;

// Creates the rank's file in the folder. Throws c10::Error if it cannot.
void make_part(const std::string& unfinished, int rank);

// Rank 0 must have created the folder and its file there. If others do not see that file, one rank
// of each host (`leads_host`) creates the folder on its host. Afterwards each rank has a file in
// its folder (part_path()). Collective; throws c10::Error on all ranks if one of them cannot write
// there.
Writers find_writers(const Exchange& exchange, int rank, bool leads_host,
                     const std::string& unfinished);

}  // namespace accelerate::internal
