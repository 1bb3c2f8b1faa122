// What the steps of a learning-rate schedule count. By default they count batches of one process:
// one step of a loop on N processes consumes N batches, so it advances the schedule by N.
//
//   accelerate::StepLR drops(sgd, {.step_size = 30});                     // Epochs.
//   accelerate::CosineDecay cosine(adamw, {.total_steps = 2000});         // Updates.
//   auto [by_epoch, by_update] = accelerator.prepare(accelerate::counted_in_epochs(drops),
//                                                    accelerate::counted_in_updates(cosine));
//
// For the schedulers of accelerate/optim and of LibTorch. Not needed on one process without
// accumulate() in fp32 and bf16: there, each call of step() advances the schedule by one with every
// unit. In fp16, a step that an overflow skipped advances only a schedule that counts epochs.
#pragma once

namespace accelerate {

enum class ScheduleUnit {
  // Batches of one process: a step advances the schedule by the number of processes, or by one if
  // batches are split. A step that accumulates or was skipped does not advance it.
  kBatches,
  // Steps of the optimizer: a step advances the schedule by one, unless it accumulates or was
  // skipped.
  kUpdates,
  // Calls of step(), such as one for each epoch: every call advances the schedule by one.
  kEpochs,
};

// A scheduler and its unit, for prepare(). The scheduler must outlive its handle.
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
