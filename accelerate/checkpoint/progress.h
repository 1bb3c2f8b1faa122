// How far a program is, by its own count: the numbers that its loops run over. They are part of
// each checkpoint, so that these loops continue where they were.
//
//   accelerate::Progress& progress = accelerator.progress();
//   accelerator.resume();
//   for (; progress.epoch < epochs; progress.next_epoch()) {
//     for (auto& batch : loader) {
//       train_on(batch);
//       if (++progress.step % 1000 == 0) accelerator.save_state();
//     }
//   }
//
// Must be the same on all ranks. Not for what the library counts itself: loaders, schedules and
// optimizers keep their own positions. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace accelerate {

struct Progress {
  int64_t epoch = 0;
  // Steps of the whole run. The program counts them, in batches or in updates.
  int64_t step = 0;
  // Anything else that the program needs after a restart, such as the best loss so far.
  std::map<std::string, double> numbers = {};

  void next_epoch() { ++epoch; }
};

}  // namespace accelerate
