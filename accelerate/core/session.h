// The engine behind an Accelerator: everything that does not depend on a policy's type. Programs
// use the Accelerator and the handles that its prepare() returns; this is where those meet.
//
// Not thread-safe: a training loop runs in one thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/comm/operations.h"
#include "accelerate/data/active_loaders.h"
#include "accelerate/gradients/average_gradients.h"
#include "accelerate/precision/autocast.h"
#include "accelerate/precision/loss_scale.h"
#include "accelerate/precision/precision.h"
#include "accelerate/process/process_info.h"
#include "accelerate/strategy/strategy.h"

namespace torch::nn {
class Module;
}
namespace torch::optim {
class Optimizer;
}

namespace accelerate {

struct AcceleratorOptions {
  ProcessGroupOptions process_group = {};
  // Used with Fp16 only.
  LossScaleOptions loss_scale = {};
  // A loader's batch size is that of all processes together, and each batch is cut into their
  // parts.
  bool split_batches = false;
  // A loader's last batches are filled up with its first samples, so that all processes make equal
  // steps.
  bool even_batches = true;
  // Schedulers advance once for each batch of the whole run, and not in steps that the optimizer
  // skipped.
  bool step_scheduler_with_optimizer = true;
};

struct BackwardOptions {
  bool retain_graph = false;
  bool create_graph = false;
};

// A model that prepare() has seen.
struct ModelState {
  std::shared_ptr<torch::nn::Module> module;
  // In registration order; a tensor registered twice is here once.
  std::vector<NamedParameter> parameters;
  bool has_buffers = false;
  // Whether a step has passed since the buffers were last made equal on all ranks.
  bool buffers_stale = false;
};

// An optimizer that prepare() has seen.
struct OptimizerState {
  torch::optim::Optimizer* optimizer = nullptr;
  bool step_was_skipped = false;
  // The backward pass whose gradients were unscaled last, so that none is unscaled twice.
  int64_t unscaled_pass = 0;
};

class Session {
 public:
  // Joins the run that the environment describes. Throws c10::Error when the strategy does not fit
  // it.
  Session(const StrategyTraits& strategy, const PrecisionTraits& precision,
          const AcceleratorOptions& options);

  const AcceleratorOptions& options() const { return options_; }
  const ProcessInfo& process() const { return process_; }
  const PrecisionTraits& precision() const { return precision_; }
  Communicator& communicator() { return *communicator_; }
  const std::shared_ptr<ActiveLoaders>& active_loaders() const { return active_loaders_; }

  // Moves the model to the device and makes it one model on all ranks. Without `owned`, the
  // caller's module must outlive the state. Throws c10::Error when the model was prepared before or
  // differs between the ranks.
  std::shared_ptr<ModelState> add_model(const std::shared_ptr<torch::nn::Module>& module,
                                        bool owned);
  // Throws c10::Error when the optimizer was prepared before and a handle of it still lives.
  std::shared_ptr<OptimizerState> add_optimizer(torch::optim::Optimizer& optimizer);
  // Throws c10::Error when the object was prepared before and its token still lives.
  std::shared_ptr<const void> add_other(const void* object, const char* kind);
  // A seed for a shuffle, drawn from rank 0's default generator and the same on all ranks.
  uint64_t draw_seed();

  // Called before each forward pass of a prepared model: in training, gives all ranks rank 0's
  // buffers once a step.
  void before_forward(ModelState& model);
  // The autocast scope of this precision; none for full precision.
  std::optional<Autocast> autocast() const;

  // Backward of the (scaled) loss, after which the gradients of all prepared models are the mean
  // over the ranks.
  void backward(const at::Tensor& loss, const BackwardOptions& options);
  // Calls `take_step` unless the gradients, once unscaled, are not finite.
  template <class TakeStep>
  void step(OptimizerState& optimizer, TakeStep&& take_step) {
    if (prepare_step(optimizer)) take_step();
  }
  // Whether a live prepared optimizer skipped its last step.
  bool step_was_skipped() const;
  // None unless the precision scales the loss.
  LossScale* loss_scale() { return loss_scale_ ? &*loss_scale_ : nullptr; }

  // gather(), without the samples that the last batch repeats.
  at::Tensor gather_for_metrics(const at::Tensor& tensor);
  // On this process's device, where collectives need it.
  at::Tensor to_device(const at::Tensor& tensor) const;

 private:
  bool prepare_step(OptimizerState& optimizer);

  AcceleratorOptions options_;
  PrecisionTraits precision_;
  ProcessInfo process_;
  std::shared_ptr<Communicator> communicator_;
  std::optional<LossScale> loss_scale_;
  int64_t backward_passes_ = 0;
  std::shared_ptr<ActiveLoaders> active_loaders_ = std::make_shared<ActiveLoaders>();

  std::vector<std::weak_ptr<ModelState>> models_;
  // Models whose module the user shares with us stay in the averaging even when their handle is
  // gone.
  std::vector<std::shared_ptr<ModelState>> owned_models_;
  std::vector<std::weak_ptr<OptimizerState>> optimizers_;
  struct Other {
    const void* object;
    std::weak_ptr<const void> token;
  };
  std::vector<Other> others_;
};

namespace internal {

// Lets the main process through a scope before the others. When the scope ends in an exception, the
// others go on without waiting to fail at their next collective, as after any death of a peer.
class InTurn {
 public:
  InTurn(Communicator& communicator, bool first);
  ~InTurn() noexcept(false);

 private:
  Communicator& communicator_;
  bool first_;
  int exceptions_;
};

}  // namespace internal
}  // namespace accelerate
