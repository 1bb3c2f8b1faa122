// Runs a function of a test in several processes, any of which may die in it.
//
//   const std::vector<RankEnd> ends = run_forked(3, [](int rank, const auto& store) {
//     auto backend = make_cpu_backend(store, options_of(rank));
//     return std::string("what this rank saw");
//   });
//   EXPECT_EQ(ends[0].text, "what this rank saw");
//
// For tests without threads, because the processes are forked. They can still use LibTorch.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <vector>

namespace accelerate::internal {

struct RankEnd {
  pid_t pid = 0;
  int signal = 0;    // The signal that killed it; 0 if it exited.
  std::string text;  // What the function returned, or the message of what it threw.
};

// Waits for all processes. They all get the same store.
std::vector<RankEnd> run_forked(
    int size,
    const std::function<std::string(int rank, const c10::intrusive_ptr<c10d::Store>& store)>&
        function);

}  // namespace accelerate::internal
