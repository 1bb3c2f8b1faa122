// Session's part of Accelerator::join_uneven_inputs(): how ranks without data accompany the others.
//
// Before each averaging of the join, all ranks add up how many of them have data; a rank without
// any takes part with zeros until nobody has. The ranks that ended early have not stepped since, so
// at the end all take over the model, the optimizers, the schedules and the loss scale of one that
// went on longest. After PyTorch's torch.distributed.algorithms.Join, which leaves the optimizers
// behind.
#include <ATen/ops/tensor.h>
#include <torch/optim/optimizer.h>
#include <torch/serialize.h>

#include <sstream>

#include "accelerate/core/session.h"
#include "accelerate/gradients/model_agreement.h"

namespace accelerate {

void Session::begin_join() {
  TORCH_CHECK(!joining_, "join_uneven_inputs: a scope is open already; close it first");
  joining_ = communicator_->size() > 1;
  joined_steps_ = 0;
}

int64_t Session::announce(bool has_data, std::vector<bool>& syncing) {
  std::vector<int64_t> counts{has_data};
  for (const bool syncs : syncing) counts.push_back(has_data && syncs);
  counts = all_reduce_numbers(counts, ReduceOp::kSum);
  for (size_t i = 0; i < syncing.size(); ++i) syncing[i] = counts[i + 1] > 0;
  return counts[0];
}

void Session::end_join() {
  if (!joining_) return;
  const auto models = this->models();
  for (const auto& model : models) refresh(*model);
  std::vector<bool> syncing(models.size());
  while (announce(/*has_data=*/false, syncing) > 0) {
    average(models, syncing, /*contributes=*/false);
  }
  joining_ = false;
  ++ended_joins_;
  // Windows of accumulate() stand open at different batches.
  accumulation_.restart();
  for (const auto& model : models) model->reducer->forget_local_gradients();

  // Who went on longest, and of those the last.
  const int64_t size = communicator_->size();
  const int64_t longest =
      all_reduce_numbers({joined_steps_ * size + communicator_->rank()}, ReduceOp::kMax)[0];
  const int root = static_cast<int>(longest % size);
  for (const auto& model : models) {
    broadcast_parameters_and_buffers(*communicator_, *model->module, root);
    model->buffers_stale = false;
  }
  for (const auto& schedule : schedules()) {
    at::Tensor advances = at::tensor({schedule->advances}, at::kLong).to(process_.device);
    communicator_->broadcast(advances, root);
    for (; schedule->advances < advances.item<int64_t>(); ++schedule->advances) schedule->advance();
  }
  for (const auto& optimizer : optimizer_steps_.optimizers()) {
    // Counts that are right, and no outcome of a step of this rank alone.
    optimizer->outcomes.last();
    optimizer->outcomes = StepOutcomes();
    std::ostringstream saved;
    if (communicator_->rank() == root) torch::save(*optimizer->optimizer, saved);
    std::istringstream in(communicator_->broadcast_bytes(saved.str(), root));
    if (communicator_->rank() != root) torch::load(*optimizer->optimizer, in, process_.device);
  }
  if (loss_scale_) {
    at::Tensor state =
        at::tensor({loss_scale_->value(), static_cast<double>(loss_scale_->growth_tracker())},
                   at::kDouble)
            .to(process_.device);
    communicator_->broadcast(state, root);
    state = state.cpu();
    loss_scale_->load(state[0].item<double>(), state[1].item<int64_t>());
  }
}

}  // namespace accelerate
