// How far a program is, by its own count: the numbers that its loops run over. They are part of
// each checkpoint, so that loops that run over them go on where they were.
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
// The same on all ranks. Not for what the library counts itself: loaders, schedules and optimizers
// know where they are.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace accelerate {

struct Progress {
  int64_t epoch = 0;
  // Of the whole run. The program counts them, in batches or in updates as it likes.
  int64_t step = 0;
  // Whatever else the program wants to find again, such as the best loss so far.
  std::map<std::string, double> numbers = {};

  void next_epoch() { ++epoch; }
};

}  // namespace accelerate
