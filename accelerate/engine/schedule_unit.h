// What the steps of a learning-rate schedule count, where it is not what the Accelerator takes for
// granted: batches of one process, so that one step of a loop on N processes, which consumes N
// batches, advances the schedule by N.
//
//   accelerate::StepLR drops(sgd, {.step_size = 30});                     // Epochs.
//   accelerate::CosineDecay cosine(adamw, {.total_steps = 2000});         // Updates.
//   auto [by_epoch, by_update] = accelerator.prepare(accelerate::counted_in_epochs(drops),
//                                                    accelerate::counted_in_updates(cosine));
//
// For the schedulers of accelerate/optim and those of LibTorch. Not needed on one process without
// accumulate(), where all of these are the same to a schedule that is stepped once for each of
// them.
#pragma once

namespace accelerate {

enum class ScheduleUnit {
  // Batches of one process: a step advances the schedule by the number of processes, or by one when
  // batches are split, and one that accumulates or was skipped does not.
  kBatches,
  // Steps of the optimizer: by one, and in one that accumulates or was skipped not at all.
  kUpdates,
  // Calls of step(), such as one for each epoch: by one, always.
  kEpochs,
};

// A scheduler on its way to prepare(), which must outlive the handle that it is given.
template <class Schedule>
struct CountedSchedule {
  Schedule& schedule;
  ScheduleUnit unit;
};

template <class Schedule>
CountedSchedule<Schedule> counted_in_updates(Schedule& schedule) {
  return {schedule, ScheduleUnit::kUpdates};
}

template <class Schedule>
CountedSchedule<Schedule> counted_in_epochs(Schedule& schedule) {
  return {schedule, ScheduleUnit::kEpochs};
}

}  // namespace accelerate
