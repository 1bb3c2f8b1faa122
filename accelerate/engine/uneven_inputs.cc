#include "accelerate/engine/uneven_inputs.h"

#include <c10/util/Exception.h>

#include <string>
#include <vector>

#include "accelerate/state/shared_state.h"

namespace accelerate {

void UnevenInputs::begin() {
  TORCH_CHECK(!is_in_scope_, "join_uneven_inputs: a scope is already open; close it first");
  TORCH_CHECK(
      !state_.models.is_sharded(),
      "join_uneven_inputs() is not for sharded strategies: a process that has run out of data "
      "must still step its part of the parameters; give all processes the same number of batches "
      "(even_batches), or train with --strategy=multi_cpu or multi_gpu");
  is_in_scope_ = true;
  is_open_ = state_.models.syncs();
  steps_ = passes_ = 0;
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
  if (!is_in_scope_) return;
  is_in_scope_ = false;
  // Windows of accumulate() stand open at different batches, and one process goes on as many do:
  // what they have added up is dropped.
  if (state_.window.holds_partial_sum() && !is_open_) state_.models.drop_gradients();
  state_.window.restart();
  if (!is_open_) return;
  // As ranks with data do before each pass.
  state_.models.drop_unreachable();
  state_.models.restore_layout();
  const auto models = state_.models.live();
  std::vector<bool> syncing(models.size());
  while (announce(/*has_data=*/false, syncing) > 0) {
    state_.models.sync_gradients(models, syncing, /*contributes=*/false);
  }
  is_open_ = false;
  ++ended_;
  for (const auto& model : models) model->sync->forget_local_gradients();

  // Who went on longest: by steps, of those by batches, which move schedules, and of those the
  // last.
  const int64_t size = communicator_.size();
  const auto most = [this](int64_t mine) {
    return communicator_.all_reduce_numbers({mine}, ReduceOp::kMax)[0];
  };
  const bool is_candidate = most(steps_) == steps_;
  const int root =
      static_cast<int>(most(is_candidate ? passes_ * size + communicator_.rank() : -1) % size);
  const bool is_root = communicator_.rank() == root;
  // No outcome of a step of this rank alone.
  state_.optimizers.forget_outcomes();
  std::vector<State> own;
  std::string failure;
  try {
    for (Stateful* part : state_.parts) own.push_back(is_root ? part->save() : part->places());
  } catch (const c10::Error& error) {
    failure = error.what_without_backtrace();
  }
  failure = communicator_.broadcast_bytes(failure, root);
  TORCH_CHECK(failure.empty(), failure);
  for (size_t i = 0; i < own.size(); ++i) {
    const State shared = broadcast_state(communicator_, device_, own[i], root);
    if (!is_root) state_.parts[i]->load(shared);
  }
  for (const auto& model : models) model->buffers_stale = false;
}

}  // namespace accelerate
