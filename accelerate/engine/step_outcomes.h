// Which steps of an optimizer were skipped because of an overflow. On the CPU that is known at
// once; on a GPU the flag is on its way while the program goes on.
//
//   StepOutcomes outcomes;
//   outcomes.add(HostCopy(overflow), [&] { take_the_count_back(); });
//   if (outcomes.last()) warn_of_overflow();               // Waits for the device.
//   if (!outcomes.last_for_schedules()) scheduler.step();  // Typically has not to wait.
//
// Part of the OptimizerSteps; not for others. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "accelerate/device/host_copy.h"

namespace accelerate {

class StepOutcomes {
 public:
  // A step whose outcome is known.
  void add(bool skipped);
  // One whose overflow, an integer, is on its way; the function is called once it is known to have
  // been skipped.
  void add(const HostCopy& overflow, std::function<void()> when_skipped);

  // How many have been added, skipped ones included.
  int64_t count() const { return count_; }
  // Takes note of what has arrived, without waiting.
  void poll();
  // Whether the last step was skipped; false before the first.
  bool last();
  // The same of the step that schedules go by: the last one where it was known at once, otherwise
  // the one before it. Which one it is does not depend on how far the device has come, so that all
  // ranks agree.
  bool last_for_schedules();

 private:
  struct Outcome {
    std::optional<bool> skipped = std::nullopt;
    // None where the outcome was known at once.
    std::optional<HostCopy> overflow = std::nullopt;
    std::function<void()> when_skipped = nullptr;
  };
  // Waits for it where it is not known.
  static bool resolve(Outcome& outcome);

  // The last two, and all that are not known before them: few, so that the first may go at once.
  std::vector<Outcome> outcomes_;
  int64_t count_ = 0;
};

}  // namespace accelerate
