// How many processes each host of an MPI hostfile has room for.
//
// Example:
//   parse_host_slots("node1 slots=1\nnode2 slots=3\n");  // {1, 3}
//
// Not for whether they fit the hosts: mpirun tells.
#pragma once

#include <string_view>
#include <vector>

namespace accelerate::launcher {

// In the order of the lines, which are `host slots=N` for Open MPI and `host:N` for Intel MPI and
// MVAPICH, with comments behind #. Empty where one of them has no number, or none is there.
std::vector<int> parse_host_slots(std::string_view hostfile);

}  // namespace accelerate::launcher
