// The result of a check, as a line for people.
//
//   std::cout << report_line("data shards", /*rank=*/1, "expected 2 batches, saw 3") << "\n";
//   // data shards ...... FAILED: rank 1: expected 2 batches, saw 3
//
// Not for running checks: use a Report.
#pragma once

#include <algorithm>
#include <string>

namespace accelerate::self_test {

// Without a problem the check is ok, whatever the rank. No line break at the end.
inline std::string report_line(const std::string& name, int rank, const std::string& problem) {
  constexpr size_t verdict_column = 68;
  std::string line = name + ' ';
  line.resize(std::max(verdict_column - 1, line.size() + 1), '.');
  return line + ' ' +
         (problem.empty() ? "ok" : "FAILED: rank " + std::to_string(rank) + ": " + problem);
}

}  // namespace accelerate::self_test
