// Which of n things are for one of several processes: each gets a run of them, and the first ones
// get one more where the number does not divide.
//
//   const ProcessShare share = share_of_process(5, {.rank = 1, .world_size = 2});
//   for (int64_t i = share.begin; i < share.begin + share.size; ++i) generate(prompts[i]);
//
// Not for the batches of a training, which BatchShard deals out by turns.
#pragma once

#include <cstdint>

namespace accelerate {

struct ProcessShareOptions {
  int rank = 0;
  int world_size = 1;
  // Whether all processes are to have as many, by repetitions of the last of the n.
  bool apply_padding = false;
};

struct ProcessShare {
  // The first one, counted from 0.
  int64_t begin = 0;
  int64_t size = 0;
  // How often the last of the n stands behind them; 0 without padding and where n is 0.
  int64_t padding = 0;
};

// Of n >= 0.
ProcessShare share_of_process(int64_t n, const ProcessShareOptions& options);

}  // namespace accelerate
