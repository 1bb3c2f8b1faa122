// The models in training: how their parameters are laid out, and how their gradients are synced
// between the processes.
//
// Part of the Session; programs use the handles of prepare(). Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/engine/live.h"
#include "accelerate/gradients/strategy_gradients.h"
#include "accelerate/precision/autocast.h"
#include "accelerate/precision/precision.h"
#include "accelerate/state/stateful.h"

namespace torch::nn {
class Module;
}

namespace accelerate {

// A model that prepare() has seen.
struct ModelState {
  std::shared_ptr<torch::nn::Module> module;
  // In registration order; a tensor that is registered twice appears once.
  std::vector<NamedParameter> parameters;
  bool has_buffers = false;
  // Whether its handle has been called, and whether that was in training mode since the last
  // averaging.
  bool was_called = false;
  bool was_called_in_training = false;
  // Whether its gradients were averaged since its buffers were last made equal on all ranks.
  bool buffers_stale = false;
  // Whether the program has released it.
  bool is_released = false;

  // Stores the parameters that were trainable when the model was laid out; `trainable` says, for
  // each parameter, whether it was.
  std::unique_ptr<ParameterStore> store;
  std::vector<bool> trainable;
  // Models that were prepared earlier and sync parameters of this one while they exist.
  std::vector<std::weak_ptr<ModelState>> shared_with;
  // Null on one process.
  std::unique_ptr<GradientSync> sync;
  // The number of open scopes that keep its gradients on this process, and whether the next
  // backward pass syncs them in spite of these.
  int no_sync_depth = 0;
  bool trigger_sync = false;
  // True until the first backward pass through the model has shown how the program uses it.
  bool is_new = true;
};

class ModelSet final : public Stateful {
 public:
  // The communicator and the strategy's parts must outlive the set.
  ModelSet(Communicator& communicator, c10::Device device, const PrecisionTraits& precision,
           const StrategyParts& strategy);

  // Moves the model to the device, makes it the same on all ranks and lays out its parameters. If
  // not `owned`, the caller's module must outlive the state. Throws c10::Error if the model was
  // prepared before or differs between the ranks.
  std::shared_ptr<ModelState> add(const std::shared_ptr<torch::nn::Module>& module, bool owned);
  // Removes the model from the averaging and frees the memory for it.
  void release(ModelState& model);
  // Gives all ranks the parameters and buffers of rank 0. Collective.
  void make_equal(const torch::nn::Module& module);
  // Drops models that neither the program nor a handle can reach any more.
  void drop_unreachable();
  // The models that are alive, in the order of preparation.
  internal::LiveList<ModelState> live() const;
  // Whether gradients are synced with other processes.
  bool syncs() const { return strategy_.make_gradient_sync != nullptr; }
  Communicator& communicator() const { return communicator_; }
  // Whether this rank steps only parts of the parameters.
  bool is_sharded() const { return strategy_.is_sharded; }
  // See ParameterStore; also null for a parameter that is in no model.
  const PartPlace* place_of(const at::Tensor& parameter) const;
  // Runs an optimizer's step of these parameters; during `step`, each is the part that this rank
  // steps. Collective in a sharded strategy.
  void update(const std::vector<at::Tensor>& stepped, const std::function<void()>& step);
  // See GradientSync. Collective in a sharded strategy.
  at::Tensor whole_gradient(const at::Tensor& parameter) const;

  // Called before each forward pass of a prepared model. Throws c10::Error if the model was
  // released.
  void before_forward(ModelState& model);
  // The autocast scope of the program's precision; none for full precision.
  std::optional<Autocast> autocast() const;
  // Makes the next backward pass sync the model's gradients in any scope.
  void trigger_sync(ModelState& model);
  // Whether some model is in a scope that changes what a backward pass does.
  bool in_scope() const;

  // Called before and after a backward pass, which needs the parameters in between.
  void gather_parameters();
  void release_parameters();

  // Moves parameters that have left their slot back to it. Lays out a model again if one of its
  // parameters has become trainable, has changed its type, or was synced by a model that is gone.
  void restore_layout();
  void restore_layout(ModelState& model);

  // Syncs the gradients of those live `models` for which `syncing` is true. If not `contributes`,
  // this rank takes part in the rounds of the other ranks without gradients. Collective.
  void sync_gradients(const internal::LiveList<ModelState>& models,
                      const std::vector<bool>& syncing, bool contributes);
  // Copies rank 0's buffers to all ranks, for the models that were averaged since the last time.
  // This does not happen in a forward pass, so that all ranks evaluate the same model, and one of
  // them may do so alone.
  void make_buffers_equal();
  // The same for all models that have buffers.
  void make_all_buffers_equal();
  // Lets the host read results of the averaging that are still on the device. Collective.
  void settle_sync();
  // Removes `.grad` from every parameter.
  void drop_gradients();
  // Called after an exception: cancels the syncing that has begun.
  void abandon_sync();
  // Whether gradients are being synced, perhaps by other threads.
  bool is_syncing() const;

  // The name of each parameter in a state of the run: its name in the model, after the prefix
  // `model_1/`, `model_2/`, ... for all models but the first.
  using ParameterNames = std::unordered_map<const c10::TensorImpl*, std::string>;
  ParameterNames parameter_names() const;
  // The prefix for the model at this index in live().
  static std::string name_prefix(size_t model);
  // The addresses of parameters and buffers.
  std::vector<const void*> addresses() const;

  // Parameters and buffers.
  std::string_view state_name() const override { return "models"; }
  bool is_equal_on_all_ranks() const override { return true; }
  State save() override;
  void load(const State& state) override;
  // Also restores `.grad`.
  std::function<void()> remember() override;

 private:
  // Lays out the trainable parameters, and makes the GradientSync for them.
  void lay_out(ModelState& model);

  Communicator& communicator_;
  c10::Device device_;
  PrecisionTraits precision_;
  const StrategyParts& strategy_;
  std::vector<std::weak_ptr<ModelState>> models_;
  // Models whose module the user shares with us. They remain in the averaging after their handle is
  // gone, as long as the program holds the module.
  std::vector<std::shared_ptr<ModelState>> owned_models_;
};

}  // namespace accelerate
