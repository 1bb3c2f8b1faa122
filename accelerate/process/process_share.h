// Which of n items are for one of several processes: each process gets consecutive items, and the
// first ones get one more if n is not divisible by the number of processes.
//
//   const ProcessShare share = share_of_process(5, {.rank = 1, .world_size = 2});
//   for (int64_t i = share.begin; i < share.begin + share.size; ++i) generate(prompts[i]);
//
// Not for the batches of a training run, which BatchShard deals out in turn.
#pragma once

#include <cstdint>

namespace accelerate {

struct ProcessShareOptions {
  int rank = 0;
  int world_size = 1;
  // Whether the last of the n items is repeated so that all processes get equally many.
  bool apply_padding = false;
};

struct ProcessShare {
  // The index of the first item, from 0.
  int64_t begin = 0;
  int64_t size = 0;
  // How often the last of the n items follows this share; 0 without padding, and if n is 0.
  int64_t padding = 0;
};

// n must not be negative.
ProcessShare share_of_process(int64_t n, const ProcessShareOptions& options);

}  // namespace accelerate
