#include "accelerate/core/prepared_scheduler.h"

#include <torch/optim/schedulers/lr_scheduler.h>
#include <torch/optim/schedulers/reduce_on_plateau_scheduler.h>

#include "accelerate/optim/reduce_lr_on_plateau.h"
#include "accelerate/optim/scheduler.h"

namespace accelerate {
namespace {

// Advances of a schedule in a step of this run. LibTorch's own don't tell their optimizer: null.
int advances(Session& session, const torch::optim::Optimizer* optimizer) {
  if (!session.options().step_scheduler_with_optimizer) return 1;
  if (!session.accumulation().sync_gradients()) return 0;
  if (session.optimizer_steps().schedule_stands_still(optimizer)) return 0;
  return session.options().split_batches ? 1 : session.process().world_size;
}

}  // namespace

PreparedScheduler::PreparedScheduler(std::shared_ptr<Session> session, Scheduler& scheduler)
    : session_(std::move(session)),
      token_(session_->add_other(&scheduler, "scheduler")),
      optimizer_(&scheduler.optimizer()),
      progress_(session_->add_schedule([&scheduler] {
        const auto end = scheduler.total_steps();
        if (!end || scheduler.step_count() <= *end) scheduler.step();
      })) {}

PreparedScheduler::PreparedScheduler(std::shared_ptr<Session> session,
                                     torch::optim::LRScheduler& scheduler)
    : session_(std::move(session)),
      token_(session_->add_other(&scheduler, "scheduler")),
      progress_(session_->add_schedule([&scheduler] { scheduler.step(); })) {}

void PreparedScheduler::step() {
  // The session outlives its recordings.
  session_->in_each_step([session = session_.get(), optimizer = optimizer_, progress = progress_] {
    for (int i = advances(*session, optimizer); i > 0; --i) {
      progress->advance();
      ++progress->advances;
    }
  });
}

PreparedPlateauScheduler::PreparedPlateauScheduler(std::shared_ptr<Session> session,
                                                   ReduceLROnPlateau& scheduler)
    : session_(std::move(session)),
      token_(session_->add_other(&scheduler, "scheduler")),
      observe_([&scheduler](double metric) { scheduler.step(metric); }) {}

PreparedPlateauScheduler::PreparedPlateauScheduler(
    std::shared_ptr<Session> session, torch::optim::ReduceLROnPlateauScheduler& scheduler)
    : session_(std::move(session)),
      token_(session_->add_other(&scheduler, "scheduler")),
      observe_([&scheduler](double metric) { scheduler.step(static_cast<float>(metric)); }) {}

void PreparedPlateauScheduler::step(double metric) {
  if (advances(*session_, optimizer_) > 0) observe_(metric);
}

}  // namespace accelerate
