// How much memory a process takes, for comparisons with programs that load other libraries:
//
//   report_memory(accelerator);   // each rank prints: 81.2 MiB PSS
//
// Linux only. Collective: shared pages are divided among the processes that exist, so all of them
// must.
#pragma once

#include <c10/util/Exception.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

namespace accelerate::benchmarks {

// The proportional set size: this process's own pages, and its share of those that it shares.
inline double proportional_set_size_mib() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string word; rollup >> word;) {
    double kib = 0;
    if (word == "Pss:" && rollup >> kib) return kib / 1024;
  }
  TORCH_CHECK(false, "/proc/self/smaps_rollup names no Pss; measure memory on Linux 4.14 or later");
}

template <class Accelerator>
void report_memory(Accelerator& accelerator) {
  accelerator.wait_for_everyone();
  std::ostringstream line;
  line << proportional_set_size_mib() << " MiB PSS\n";
  std::cout << line.str() << std::flush;
  accelerator.wait_for_everyone();
}

}  // namespace accelerate::benchmarks
