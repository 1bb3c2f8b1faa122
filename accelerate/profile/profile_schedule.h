// What a profile does in which step, as in torch.profiler.schedule().
// Part of the profile; not for others.
#pragma once

#include <cstdint>

#include "accelerate/profile/profile.h"

namespace accelerate::internal {

enum class ProfileAction : uint8_t { kNone, kWarmUp, kRecord, kRecordAndSave };

// The action in the step with this number, which starts from 0.
inline ProfileAction action_of(const ProfileOptions& options, int64_t step) {
  if (options.active == 0) return ProfileAction::kRecord;
  step -= options.skip_first;
  if (step < 0) return ProfileAction::kNone;
  const int64_t length = options.wait + options.warmup + options.active;
  if (options.repeat > 0 && step / length >= options.repeat) return ProfileAction::kNone;
  const int64_t place = step % length;
  if (place < options.wait) return ProfileAction::kNone;
  if (place < options.wait + options.warmup) return ProfileAction::kWarmUp;
  return place == length - 1 ? ProfileAction::kRecordAndSave : ProfileAction::kRecord;
}

}  // namespace accelerate::internal
