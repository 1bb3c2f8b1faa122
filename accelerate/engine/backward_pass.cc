#include "accelerate/engine/backward_pass.h"

#include <ATen/TensorOperators.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "accelerate/engine/new_model.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/phases/phases.h"

namespace accelerate {
namespace {

bool has_gradient(const ModelState& model) {
  for (const NamedParameter& parameter : model.parameters) {
    if (parameter.tensor.grad().defined()) return true;
  }
  return false;
}

}  // namespace

void BackwardPass::run(const at::Tensor& loss, const BackwardOptions& options) {
  TORCH_CHECK(loss.numel() == 1, "backward: the loss has ", loss.numel(),
              " elements; reduce it to one number first, for example with mean()");
  const PhaseScope backward(Phase::kBackward);
  const bool is_watched = this->is_watched();
  if (is_watched) watch_.before_backward(loss);
  at::Tensor scaled = loss;
  if (loss_scale_ != nullptr) {
    in_each_replay("update of the loss scale", [this] { optimizers_.settle_loss_scale(); });
    scaled = loss_scale_->apply(loss);
  }
  const double factor = options.average ? window_.loss_factor() : 1;
  if (factor != 1) scaled = scaled * factor;
  const bool keeps_graph = options.retain_graph || options.create_graph;
  try {
    in_each_replay("begin of a backward pass", [this] { begin(); });
    scaled.backward({}, keeps_graph, options.create_graph);
    in_each_replay("end of a backward pass", [this, keeps_graph] { end(keeps_graph); });
  } catch (...) {
    models_.abandon_sync();
    watch_.forget();
    throw;
  }
  if (!is_watched) return;
  if (auto gradients = gradients_of_step()) {
    gradients->keeps_graph = keeps_graph;
    watch_.after_backward(*gradients);
  }
}

int64_t BackwardPass::num_steps() const {
  int64_t most = 0;
  for (const auto& optimizer : optimizers_.live()) most = std::max(most, optimizer->num_steps);
  return most;
}

std::optional<StepGradients> BackwardPass::gradients_of_step() const {
  if (!window_.sync_gradients()) return std::nullopt;
  StepGradients step = {
      .steps = num_steps(),
      .norm_of = [this](const std::vector<at::Tensor>& of) { return optimizers_.measure(of, 2); },
      .are_of_all_ranks = models_.syncs() && !uneven_inputs_.is_open()};
  if (loss_scale_ != nullptr) step.loss_scale = loss_scale_->scale();
  const auto models = models_.live();
  const ModelSet::ParameterNames names = models_.parameter_names();
  for (size_t i = 0; i < models.size(); ++i) {
    if (!completing_[i]) continue;
    for (const NamedParameter& parameter : models[i]->parameters)
      step.parameters.push_back(
          {names.at(parameter.tensor.unsafeGetTensorImpl()), parameter.tensor});
  }
  const bool are_all_complete =
      std::all_of(completing_.begin(), completing_.end(), [](bool completes) { return completes; });
  // On several processes, each of which would have its own, no step takes them.
  if (are_all_complete && !models_.syncs()) {
    for (NamedParameter& parameter : parameters_of_no_model(names))
      step.parameters.push_back(std::move(parameter));
  }
  if (step.parameters.empty()) return std::nullopt;
  step.buffers = [models] {
    std::vector<NamedParameter> buffers;
    for (const auto& model : models) {
      for (const auto& buffer : model->module->named_buffers())
        buffers.push_back({buffer.key(), buffer.value()});
    }
    return buffers;
  };
  return step;
}

std::vector<NamedParameter> BackwardPass::parameters_of_no_model(
    const ModelSet::ParameterNames& names) const {
  std::vector<NamedParameter> parameters;
  std::unordered_set<const c10::TensorImpl*> seen;
  const auto optimizers = optimizers_.live();
  for (size_t o = 0; o < optimizers.size(); ++o) {
    const auto& groups = optimizers[o]->optimizer->param_groups();
    for (size_t g = 0; g < groups.size(); ++g) {
      const std::vector<at::Tensor>& tensors = groups[g].params();
      for (size_t i = 0; i < tensors.size(); ++i) {
        const c10::TensorImpl* impl = tensors[i].unsafeGetTensorImpl();
        if (names.contains(impl) || !seen.insert(impl).second) continue;
        parameters.push_back(
            {c10::str("optimizer_", o, ".group_", g, "/parameter_", i), tensors[i]});
      }
    }
  }
  return parameters;
}

void BackwardPass::begin() {
  updates_.end_left_window();
  models_.drop_unreachable();
  optimizers_.before_backward();
  const auto models = models_.live();
  completing_.clear();
  syncing_.clear();
  int trainable_models = 0;
  for (const auto& model : models) {
    completing_.push_back(model->no_sync_depth == 0 || model->trigger_sync);
    if (completing_.back()) model->trigger_sync = false;
    if (!model->sync) continue;
    models_.restore_layout(*model);
    model->sync->restore_hooks();
    trainable_models += !model->sync->empty();
    syncing_.push_back(completing_.back());
  }
  models_.gather_parameters();
  if (uneven_inputs_.is_open()) {
    uneven_inputs_.count_pass();
    if (any_syncs()) uneven_inputs_.announce_data(syncing_);
  }
  for (size_t i = 0; i < syncing_.size(); ++i) {
    // With one model, what is sent when depends on nothing but its buckets.
    if (syncing_[i]) models[i]->sync->begin(/*eager=*/trainable_models == 1);
  }
}

void BackwardPass::end(bool keeps_graph) {
  if (any_syncs()) models_.sync_gradients(models_.live(), syncing_, /*contributes=*/true);
  // The graph may have saved them for another backward pass. In a join rank 0 may have no data
  // left; the buffers follow at its end.
  if (!keeps_graph && !uneven_inputs_.is_open()) models_.make_buffers_equal();
  window_.after_backward();
  updates_.note_backward();
  models_.release_parameters();
  look_at_new_models();
}

void BackwardPass::look_at_new_models() {
  const auto models = models_.live();
  for (const auto& model : models) {
    if (!model->is_new || !has_gradient(*model)) continue;
    model->is_new = false;
    warn_about_orphans(*model, optimizers_.live());
    if (!program_autocasts_) warn_about_full_precision(*model, models, precision_);
  }
}

bool BackwardPass::any_syncs() const {
  return std::any_of(syncing_.begin(), syncing_.end(), [](bool syncs) { return syncs; });
}

}  // namespace accelerate
