#include "accelerate/core/uneven_inputs.h"

#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>
#include <torch/serialize.h>

#include <sstream>

#include "accelerate/gradients/model_agreement.h"

namespace accelerate {

void UnevenInputs::begin() {
  TORCH_CHECK(!is_open_, "join_uneven_inputs: a scope is open already; close it first");
  is_open_ = communicator_.size() > 1;
  steps_ = 0;
}

int64_t UnevenInputs::announce(bool has_data, std::vector<bool>& syncing) {
  std::vector<int64_t> counts{has_data};
  for (const bool syncs : syncing) counts.push_back(has_data && syncs);
  counts = communicator_.all_reduce_numbers(counts, ReduceOp::kSum);
  for (size_t i = 0; i < syncing.size(); ++i) syncing[i] = counts[i + 1] > 0;
  return counts[0];
}

void UnevenInputs::announce_data(std::vector<bool>& syncing) {
  announce(/*has_data=*/true, syncing);
  ++steps_;
}

void UnevenInputs::end() {
  if (!is_open_) return;
  state_.models.restore_layout();
  const auto models = state_.models.live();
  std::vector<bool> syncing(models.size());
  while (announce(/*has_data=*/false, syncing) > 0) {
    state_.models.sync_gradients(models, syncing, /*contributes=*/false);
  }
  is_open_ = false;
  ++ended_;
  // Windows of accumulate() stand open at different batches.
  state_.window.restart();
  for (const auto& model : models) model->sync->forget_local_gradients();

  // Who went on longest, and of those the last.
  const int64_t size = communicator_.size();
  const int64_t longest =
      communicator_.all_reduce_numbers({steps_ * size + communicator_.rank()}, ReduceOp::kMax)[0];
  const int root = static_cast<int>(longest % size);
  for (const auto& model : models) {
    broadcast_parameters_and_buffers(communicator_, *model->module, root);
    model->buffers_stale = false;
  }
  for (const auto& schedule : state_.schedules.live()) {
    at::Tensor advances = at::tensor({schedule->advances}, at::kLong).to(device_);
    communicator_.broadcast(advances, root);
    for (; schedule->advances < advances.item<int64_t>(); ++schedule->advances) schedule->advance();
  }
  for (const auto& optimizer : state_.optimizers.optimizers()) {
    // Counts that are right, and no outcome of a step of this rank alone.
    optimizer->outcomes.last();
    optimizer->outcomes = StepOutcomes();
    std::ostringstream saved;
    if (communicator_.rank() == root) torch::save(*optimizer->optimizer, saved);
    std::istringstream in(communicator_.broadcast_bytes(saved.str(), root));
    if (communicator_.rank() != root) torch::load(*optimizer->optimizer, in, device_);
  }
  if (state_.loss_scale != nullptr) {
    at::Tensor state = at::tensor({state_.loss_scale->value(),
                                   static_cast<double>(state_.loss_scale->growth_tracker())},
                                  at::kDouble)
                           .to(device_);
    communicator_.broadcast(state, root);
    state = state.cpu();
    state_.loss_scale->load(state[0].item<double>(), state[1].item<int64_t>());
  }
}

}  // namespace accelerate
