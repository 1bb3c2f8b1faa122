#include "accelerate/gradients/synced_parameters.h"

#include <c10/util/Exception.h>
#include <torch/csrc/autograd/variable.h>

#include <utility>

#include "accelerate/host_work/host_work.h"

namespace accelerate::internal {

SyncedParameters::SyncedParameters(Communicator& communicator,
                                   std::vector<NamedParameter> parameters,
                                   const GradientOptions& options, const GradientNotes& notes)
    : communicator_(communicator),
      parameters_(std::move(parameters)),
      options_(options),
      local_(parameters_.size(), 0),
      unhooked_(parameters_.size(), 0),
      rounds_(notes.rounds),
      presence_(communicator_, parameters_, options.find_unused_parameters) {
  check_gradient_options(options);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const c10::TensorImpl* key = parameters_[i].tensor.unsafeGetTensorImpl();
    index_of_[key] = i;
    local_[i] = notes.local.contains(key);
    if (const auto mean = notes.means.find(key); mean != notes.means.end())
      lone_means_.emplace(i, mean->second);
  }
}

void SyncedParameters::install_hooks() {
  for (size_t i = 0; i < parameters_.size(); ++i) install_hook(i);
}

void SyncedParameters::restore_hooks() {
  if (!hooks_are_gone_) return;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!unhooked_[i]) continue;
    // What came without our knowledge.
    local_[i] = is_local(i);
    install_hook(i);
  }
  hooks_are_gone_ = false;
}

void SyncedParameters::install_hook(size_t parameter) {
  const at::Tensor& tensor = parameters_[parameter].tensor;
  std::unique_ptr<torch::autograd::PostAccumulateGradHook> present =
      std::move(torch::autograd::impl::post_acc_grad_hooks(tensor));
  torch::autograd::impl::set_post_acc_grad_hooks(
      tensor, std::make_unique<ReadyHook>(weak_from_this(), parameter,
                                          ReadyHook::still_needed(std::move(present))));
  unhooked_[parameter] = false;
}

void SyncedParameters::on_gradient_ready(size_t parameter) {
  in_each_replay(
      "gradient that is ready",
      [parameter](SyncedParameters* self) {
        self->local_[parameter] = 1;
        self->on_gradient(parameter);
      },
      this);
}

void SyncedParameters::settle() {
  if (!signal_) return;
  const bool raised = signal_->get().item<double>() != 0;
  signal_.reset();
  if (raised) compare_presence();
}

void SyncedParameters::compare_presence() {
  try {
    presence_.compare();
  } catch (...) {
    // A program that goes on is not to meet this again when others are averaged.
    local_.assign(local_.size(), 0);
    throw;
  }
}

void SyncedParameters::take_signal(bool is_raised) {
  if (is_raised) compare_presence();
}

void SyncedParameters::take_signal(const at::Tensor& on_gpu) {
  if (options_.find_unused_parameters) {
    TORCH_CHECK(host_has_values(),
                "gradients.find_unused_parameters makes each step wait to learn what the other "
                "processes used, which a captured step on a GPU cannot do; turn it off, or do not "
                "capture this step");
    signal_.emplace(on_gpu);
    settle();
  } else if (host_has_values()) {
    // A GPU is not waited for: the next round begins with it.
    signal_.emplace(on_gpu);
  }
}

void SyncedParameters::end_round() {
  // Of all that sync, so that none is taken for an earlier one at its address.
  static int64_t rounds = 0;
  rounds_ = ++rounds;
}

GradientNotes SyncedParameters::notes() {
  settle();
  GradientNotes result;
  result.rounds = rounds_;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].tensor;
    if (is_local(i)) result.local.insert(parameter.unsafeGetTensorImpl());
    if (is_mean(i))
      result.means.emplace(parameter.unsafeGetTensorImpl(), parameter.grad().getIntrusivePtr());
  }
  return result;
}

void SyncedParameters::keep_means_as_lone() {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (is_mean(i)) note_lone_mean(i, parameters_[i].tensor.grad());
  }
}

void SyncedParameters::note_lone_mean(size_t parameter, const at::Tensor& mean) {
  lone_means_.insert_or_assign(parameter, GradientNotes::WeakTensor(mean.getIntrusivePtr()));
}

bool SyncedParameters::is_lone_mean(size_t parameter) const {
  const auto mean = lone_means_.find(parameter);
  return mean != lone_means_.end() &&
         mean->second._unsafe_get_target() ==
             parameters_[parameter].tensor.grad().unsafeGetTensorImpl();
}

void SyncedParameters::warn_of_graph(const at::Tensor& gradient) {
  if (!gradient.defined() || !gradient.requires_grad()) return;
  TORCH_WARN_ONCE(
      "backward with create_graph: on several processes the averaged gradients have no graph; use "
      "torch::autograd::grad() for gradients that you differentiate again");
}

void SyncedParameters::check_type(size_t parameter, const at::Tensor& gradient) const {
  const auto& [name, tensor] = parameters_[parameter];
  TORCH_CHECK(gradient.scalar_type() == tensor.scalar_type(), "the gradient of `", name,
              "` is of type ", gradient.scalar_type(), ", and the parameter of type ",
              tensor.scalar_type(),
              ", in which processes average it; convert the gradient, and do without "
              "set_grad_dtype()");
}

void SyncedParameters::forget_local_gradients() {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (is_local(i)) parameters_[i].tensor.mutable_grad().reset();
    local_[i] = 0;
  }
}

bool SyncedParameters::has_local_gradients() const {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    // One that the program has zeroed since is none.
    if (is_local(i) && parameters_[i].tensor.grad().defined()) return true;
  }
  return false;
}

bool SyncedParameters::is_local(size_t parameter) const {
  if (local_[parameter]) return true;
  if (!unhooked_[parameter]) return false;
  return parameters_[parameter].tensor.grad().defined() && !is_mean(parameter);
}

std::optional<size_t> SyncedParameters::find(const at::Tensor& parameter) const {
  const auto found = index_of_.find(parameter.unsafeGetTensorImpl());
  if (found == index_of_.end()) return std::nullopt;
  return found->second;
}

bool SyncedParameters::is_mean(const at::Tensor& parameter) const {
  const auto found = find(parameter);
  return found && !local_[*found] && is_mean(*found);
}

StepRight SyncedParameters::may_step(const at::Tensor& parameter, int64_t stepped_at) const {
  const auto found = find(parameter);
  if (!found) return StepRight::kNotMine;
  // A program may replace a mean, but not do without one.
  const bool may = is_mean(parameter) || (!is_local(*found) && rounds_ != stepped_at);
  return may ? StepRight::kMay : StepRight::kNotSynced;
}

}  // namespace accelerate::internal
