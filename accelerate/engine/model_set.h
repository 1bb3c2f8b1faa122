// The models that take part in training: how their parameters lie, and what their gradients go
// through between the processes.
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
  // In registration order; a tensor registered twice is here once.
  std::vector<NamedParameter> parameters;
  bool has_buffers = false;
  // Whether its handle has been called; and in training, since the last averaging.
  bool was_called = false;
  bool was_called_in_training = false;
  // Whether its gradients were averaged since its buffers were last made equal on all ranks.
  bool buffers_stale = false;
  // Whether the program has released it.
  bool is_released = false;

  // Over those parameters that were trainable when it was laid out, and which these were.
  std::unique_ptr<ParameterStore> store;
  std::vector<bool> trainable;
  // Models prepared before that sync parameters of this one, as long as they are there.
  std::vector<std::weak_ptr<ModelState>> shared_with;
  // Null on one process.
  std::unique_ptr<GradientSync> sync;
  // Scopes that keep its gradients to this process, and whether the next backward pass syncs them
  // all the same.
  int no_sync_depth = 0;
  bool trigger_sync = false;
  // Until the first backward pass through the model has shown how the program uses it.
  bool is_new = true;
};

class ModelSet final : public Stateful {
 public:
  // The communicator and what the strategy has made outlive the set.
  ModelSet(Communicator& communicator, c10::Device device, const PrecisionTraits& precision,
           const StrategyParts& strategy);

  // Moves the model to the device, makes it one model on all ranks and lays its parameters flat.
  // Without `owned`, the caller's module must outlive the state. Throws c10::Error when the model
  // was prepared before or differs between the ranks.
  std::shared_ptr<ModelState> add(const std::shared_ptr<torch::nn::Module>& module, bool owned);
  // Takes the model out of the averaging, and gives back the memory for it.
  void release(ModelState& model);
  // Lets go of models that neither the program nor a handle can reach any more.
  void drop_unreachable();
  // Those that live, in the order of their preparation.
  internal::LiveList<ModelState> live() const;
  // Whether there are other processes, with which gradients are synced.
  bool syncs() const { return strategy_.make_gradient_sync != nullptr; }
  Communicator& communicator() const { return communicator_; }
  // Whether this rank steps parts of what it trains.
  bool is_sharded() const { return strategy_.is_sharded; }
  // See ParameterStore; null also for a parameter of no model.
  const PartPlace* place_of(const at::Tensor& parameter) const;
  // Does an optimizer's step of these parameters, each of which is then the part that this rank
  // steps. Collective in a sharded strategy.
  void update(const std::vector<at::Tensor>& stepped, const std::function<void()>& step);
  // See GradientSync. Collective in a sharded strategy.
  at::Tensor whole_gradient(const at::Tensor& parameter) const;

  // Called before each forward pass of a prepared model. Throws c10::Error when it was released.
  void before_forward(ModelState& model);
  // The autocast scope of the program's precision; none for full precision.
  std::optional<Autocast> autocast() const;
  // Makes the next backward pass sync the model's gradients, whatever scope it is in.
  void trigger_sync(ModelState& model);
  // Whether some model is in a scope that changes what a backward pass does.
  bool in_scope() const;

  // Around a backward pass: what it needs of the parameters is there.
  void gather_parameters();
  void release_parameters();

  // Brings back into its slot what has left it. Lays out anew a model of which a parameter has
  // become trainable, or of another type, or has been left to it by a model that is gone.
  void restore_layout();
  void restore_layout(ModelState& model);

  // Syncs the gradients of those of the live `models` that `syncing` says. Not `contributes`: takes
  // part in the rounds of the other ranks. Collective.
  void sync_gradients(const internal::LiveList<ModelState>& models,
                      const std::vector<bool>& syncing, bool contributes);
  // Gives all ranks rank 0's buffers of the models that were averaged since. Not in a forward pass,
  // so that all ranks evaluate one model, and one of them may do so alone.
  void make_buffers_equal();
  // The same for all models that have any.
  void make_all_buffers_equal();
  // Reads on the host what is still to be read there of the averaging. Collective.
  void settle_sync();
  // Takes `.grad` away from every parameter.
  void drop_gradients();
  // After an exception: what was about to be synced is not.
  void abandon_sync();
  // Whether gradients are being synced, perhaps by other threads.
  bool is_syncing() const;

  // What each parameter is called in a state of the run: as in its model, and behind `model_1/`,
  // `model_2/`, ... where that is not the first.
  using ParameterNames = std::unordered_map<const c10::TensorImpl*, std::string>;
  ParameterNames parameter_names() const;
  // What stands before the names of the model at this place in live().
  static std::string name_prefix(size_t model);
  // Where parameters and buffers lie.
  std::vector<const void*> addresses() const;

  // Parameters and buffers.
  std::string_view state_name() const override { return "models"; }
  bool is_equal_on_all_ranks() const override { return true; }
  State save() override;
  void load(const State& state) override;
  // Also `.grad`.
  std::function<void()> remember() override;

 private:
  // Lays out the trainable parameters, and makes what syncs their gradients.
  void lay_out(ModelState& model);

  Communicator& communicator_;
  c10::Device device_;
  PrecisionTraits precision_;
  const StrategyParts& strategy_;
  std::vector<std::weak_ptr<ModelState>> models_;
  // Models whose module the user shares with us stay in the averaging when their handle is gone, as
  // long as somebody else has the module.
  std::vector<std::shared_ptr<ModelState>> owned_models_;
};

}  // namespace accelerate
