#include "accelerate/core/session.h"

#include <ATen/ops/randint.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <exception>
#include <limits>
#include <unordered_set>

#include "accelerate/gradients/model_agreement.h"

namespace accelerate {
namespace {

std::vector<NamedParameter> distinct_parameters(const torch::nn::Module& module) {
  std::vector<NamedParameter> result;
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const auto& item : module.named_parameters()) {
    if (item.value().defined() && seen.insert(item.value().unsafeGetTensorImpl()).second) {
      result.push_back({item.key(), item.value()});
    }
  }
  return result;
}

}  // namespace

Session::Session(const StrategyTraits& strategy, const PrecisionTraits& precision,
                 const AcceleratorOptions& options)
    : options_(options), precision_(precision) {
  const auto environment = launcher::read_worker_environment();
  TORCH_CHECK(environment.ok(), std::string(environment.status().message()));
  const launcher::WorkerEnvironment worker = environment->value_or(launcher::WorkerEnvironment{});
  TORCH_CHECK(strategy.multi_process || worker.world_size == 1, "the strategy ", strategy.name,
              " is for one process, but this run has ", worker.world_size, "; use multi_",
              strategy.name, ", or start one process");
  process_ = make_process_info(worker, strategy.device);
  communicator_ = Communicator::world(worker, process_, options.process_group);
  if (precision.loss_scaled) loss_scale_.emplace(options.loss_scale, process_.device);
}

std::shared_ptr<ModelState> Session::add_model(const std::shared_ptr<torch::nn::Module>& module,
                                               bool owned) {
  std::erase_if(models_, [](const auto& model) { return model.expired(); });
  for (const auto& model : models_) {
    TORCH_CHECK(model.lock()->module != module, "the model `", module->name(),
                "` was prepared before; use the handle that prepare() returned then");
  }
  module->to(process_.device);
  check_models_agree(*communicator_, *module);
  broadcast_parameters_and_buffers(*communicator_, *module);

  auto state = std::make_shared<ModelState>(ModelState{.module = module,
                                                       .parameters = distinct_parameters(*module),
                                                       .has_buffers = !module->buffers().empty()});
  models_.push_back(state);
  if (owned) owned_models_.push_back(state);
  return state;
}

std::shared_ptr<OptimizerState> Session::add_optimizer(torch::optim::Optimizer& optimizer) {
  std::erase_if(optimizers_, [](const auto& known) { return known.expired(); });
  for (const auto& known : optimizers_) {
    TORCH_CHECK(known.lock()->optimizer != &optimizer,
                "this optimizer was prepared before; use the handle that prepare() returned then");
  }
  auto state = std::make_shared<OptimizerState>(OptimizerState{.optimizer = &optimizer});
  optimizers_.push_back(state);
  return state;
}

std::shared_ptr<const void> Session::add_other(const void* object, const char* kind) {
  std::erase_if(others_, [](const Other& other) { return other.token.expired(); });
  for (const Other& other : others_) {
    TORCH_CHECK(other.object != object, "this ", kind,
                " was prepared before; use the handle that prepare() returned then");
  }
  auto token = std::make_shared<char>();
  others_.push_back({object, token});
  return token;
}

uint64_t Session::draw_seed() {
  at::Tensor seed =
      at::randint(std::numeric_limits<int32_t>::max(), {1}, at::kLong).to(process_.device);
  communicator_->broadcast(seed, 0);
  return static_cast<uint64_t>(seed.item<int64_t>());
}

void Session::before_forward(ModelState& model) {
  if (!model.buffers_stale || !model.has_buffers) return;
  // Not in evaluation: rank 0 may well evaluate alone, and the others would never come.
  if (!model.module->is_training() || !c10::GradMode::is_enabled()) return;
  broadcast_buffers(*communicator_, *model.module);
  model.buffers_stale = false;
}

std::optional<Autocast> Session::autocast() const {
  if (!precision_.autocast) return std::nullopt;
  return std::optional<Autocast>(std::in_place, process_.device.type(), *precision_.autocast);
}

void Session::backward(const at::Tensor& loss, const BackwardOptions& options) {
  TORCH_CHECK(loss.numel() == 1, "backward: the loss has ", loss.numel(),
              " elements; reduce it to one number first, for example with mean()");
  const at::Tensor scaled = loss_scale_ ? loss_scale_->apply(loss) : loss;
  ++backward_passes_;
  scaled.backward({}, options.retain_graph || options.create_graph, options.create_graph);
  if (communicator_->size() == 1) return;

  std::vector<NamedParameter> parameters;
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const auto& weak : models_) {
    const auto model = weak.lock();
    if (!model) continue;
    model->buffers_stale = true;
    for (const NamedParameter& parameter : model->parameters) {
      if (parameter.tensor.requires_grad() &&
          seen.insert(parameter.tensor.unsafeGetTensorImpl()).second) {
        parameters.push_back(parameter);
      }
    }
  }
  average_gradients(*communicator_, parameters);
}

bool Session::prepare_step(OptimizerState& optimizer) {
  if (!loss_scale_) return true;
  if (optimizer.unscaled_pass == backward_passes_) return !optimizer.step_was_skipped;
  optimizer.unscaled_pass = backward_passes_;
  std::vector<at::Tensor> gradients;
  // LibTorch's parameters() names a shared tensor as often as it is registered.
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const auto& group : optimizer.optimizer->param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      if (parameter.grad().defined() && seen.insert(parameter.unsafeGetTensorImpl()).second) {
        gradients.push_back(parameter.grad());
      }
    }
  }
  // No gradient says nothing about the scale.
  if (gradients.empty()) return true;
  optimizer.step_was_skipped = loss_scale_->unscale(gradients);
  return !optimizer.step_was_skipped;
}

bool Session::step_was_skipped() const {
  for (const auto& weak : optimizers_) {
    const auto optimizer = weak.lock();
    if (optimizer && optimizer->step_was_skipped) return true;
  }
  return false;
}

at::Tensor Session::gather_for_metrics(const at::Tensor& tensor) {
  const at::Tensor all = gather(*communicator_, to_device(tensor));
  const auto loader = active_loaders_->current();
  if (!loader || !loader->end_of_dataloader || loader->remainder <= 0) return all;
  return all.narrow(0, 0, std::min(all.size(0), loader->remainder));
}

at::Tensor Session::to_device(const at::Tensor& tensor) const {
  return tensor.device() == process_.device ? tensor : tensor.to(process_.device);
}

namespace internal {

InTurn::InTurn(Communicator& communicator, bool first)
    : communicator_(communicator), first_(first), exceptions_(std::uncaught_exceptions()) {
  if (!first_) communicator_.barrier();
}

InTurn::~InTurn() noexcept(false) {
  if (first_ && std::uncaught_exceptions() == exceptions_) communicator_.barrier();
}

}  // namespace internal
}  // namespace accelerate
