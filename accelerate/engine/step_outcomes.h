// Which steps of an optimizer were skipped because of an overflow. On the CPU that is known
// immediately; on a GPU the flag arrives while the program continues.
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
#include "accelerate/state/state.h"

namespace accelerate {

class StepOutcomes {
 public:
  // Adds a step whose outcome is known.
  void add(bool skipped);
  // Adds a step whose overflow, an integer, is still being copied to the host; calls the function
  // once it is known that the step was skipped.
  void add(const HostCopy& overflow, std::function<void()> when_skipped);

  // The number of steps that have been added, including skipped ones.
  int64_t count() const { return count_; }
  // Notes the outcomes that have arrived, without waiting.
  void poll();
  // Whether the last step was skipped; false before the first.
  bool last();
  // The same for the step by which schedules decide: the last one if its outcome was known
  // immediately, otherwise the one before it. This choice does not depend on how far the device has
  // come, so all ranks agree.
  bool last_for_schedules();

  // The outcomes by which coming steps of schedules decide; waits for the device. load() replaces
  // what is there. The count begins anew.
  State save();
  void load(const State& state);

 private:
  struct Outcome {
    std::optional<bool> skipped = std::nullopt;
    // Whether it was not known immediately.
    bool is_late = false;
    std::optional<HostCopy> overflow = std::nullopt;
    std::function<void()> when_skipped = nullptr;
  };
  // Waits for the outcome if it is not known yet.
  static bool resolve(Outcome& outcome);

  // The last two, and any before them that are not known yet. They are few, so erasing the first is
  // cheap.
  std::vector<Outcome> outcomes_;
  int64_t count_ = 0;
};

}  // namespace accelerate
