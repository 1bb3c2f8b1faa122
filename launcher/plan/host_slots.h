// How many processes each host of an MPI hostfile may get.
//
// Example:
//   parse_host_slots("node1 slots=1\nnode2 slots=3\n");  // {1, 3}
//
// Does not check that they fit the hosts: mpirun does.
#pragma once

#include <string_view>
#include <vector>

namespace accelerate::launcher {

// In the order of the lines, which are `host slots=N` for Open MPI and `host:N` for Intel MPI and
// MVAPICH, with comments after #. Empty if a line has no number, or there are no lines.
std::vector<int> parse_host_slots(std::string_view hostfile);

}  // namespace accelerate::launcher
