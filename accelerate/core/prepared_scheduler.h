// A scheduler as Accelerator::prepare() returns it: it keeps in step with the data. A schedule is
// written for batches of one process; as each step of a run consumes a batch on every process, it
// advances by the number of processes (by one when batches are split), and not at all in a step
// that the optimizer skipped or that only accumulates gradients. A schedule with an end stops
// there. A plateau scheduler observes one metric, and so advances by one.
//
//   auto scheduler = accelerator.prepare(cosine);
//   optimizer.step();
//   scheduler.step();
//
// For a scheduler that is stepped once an epoch, set
// AcceleratorOptions::step_scheduler_with_optimizer to false: then each call is one step. A thin
// handle: the user's scheduler must outlive it.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "accelerate/core/session.h"

namespace torch::optim {
class LRScheduler;
class ReduceLROnPlateauScheduler;
}  // namespace torch::optim

namespace accelerate {
class Scheduler;
class ReduceLROnPlateau;
}  // namespace accelerate

namespace accelerate {

class PreparedScheduler {
 public:
  PreparedScheduler(std::shared_ptr<Session> session, Scheduler& scheduler);
  PreparedScheduler(std::shared_ptr<Session> session, torch::optim::LRScheduler& scheduler);

  void step();

 private:
  std::shared_ptr<Session> session_;
  std::shared_ptr<const void> token_;
  const torch::optim::Optimizer* optimizer_ = nullptr;
  std::shared_ptr<ScheduleProgress> progress_;
};

class PreparedPlateauScheduler {
 public:
  PreparedPlateauScheduler(std::shared_ptr<Session> session, ReduceLROnPlateau& scheduler);
  PreparedPlateauScheduler(std::shared_ptr<Session> session,
                           torch::optim::ReduceLROnPlateauScheduler& scheduler);

  // `metric` should be the same on all ranks: reduce it first.
  void step(double metric);

 private:
  std::shared_ptr<Session> session_;
  std::shared_ptr<const void> token_;
  const torch::optim::Optimizer* optimizer_ = nullptr;
  std::function<void(double)> observe_;
};

}  // namespace accelerate
