// Observes what autograd, the program and the engine assign to `.grad` while a step is recorded on
// the CPU, and determines what a replay does so that gradients are where the tape's operators use
// them.
//
// Part of the TapeReplay; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accelerate/engine/model_set.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/tape/recording.h"
#include "accelerate/tape/tensor_place.h"

namespace accelerate {

// Whether the gradient is in memory that operators may use; false if it is divided among the ranks.
bool has_values(const at::Tensor& gradient);

// Where a gradient was that existed when a step began.
struct FormerGradient {
  at::Tensor parameter;
  TensorPlace place;
};

// Where a gradient was that the engine had assigned. The reference is weak, because others count
// the references to a gradient: only operators of the step that use it keep its memory.
struct PlacedGradient {
  at::Tensor parameter;
  WeakTensor gradient;
  TensorPlace place;
  // Whether operators of the tape use it. Otherwise it may belong to the program by now.
  bool is_needed = true;

  // Whether the program holds it, in addition to the parameter and, at first, the engine.
  bool is_kept() const;
  // Moves the parameter's gradient back to `place`: the engine uses other memory if somebody holds
  // a gradient.
  void bring_back() const;
};

using PlacedGradients = std::vector<std::shared_ptr<PlacedGradient>>;

class GradientObserver final : public HostObserver {
 public:
  // Both must outlive the observer.
  GradientObserver(const ModelSet& models, const OptimizerSteps& optimizers);

  std::function<void()> changes() override;
  // Reports learning rates that the step itself, rather than a prepared schedule, has set.
  std::optional<std::string> obstacle() override;
  std::function<void()> after_work(std::vector<NamedMemory>& named) override;
  bool is_at_rest() const override { return !models_.is_syncing(); }
  std::vector<c10::Storage> gradients() const override;

  // The parameters of all models and optimizers, each once.
  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  const PlacedGradients& placed() const { return placed_; }
  // The gradient of the i-th parameter, with its name.
  NamedMemory name(size_t i) const;

 private:
  // Notes the gradient of the i-th parameter. Returns whether it is another tensor than before.
  bool note(size_t i);

  std::vector<double> rates() const;

  const ModelSet& models_;
  const OptimizerSteps& optimizers_;
  // The learning rates at the end of the last host work.
  std::vector<double> rates_;
  std::vector<at::Tensor> parameters_;
  std::vector<WeakTensor> gradients_;
  PlacedGradients placed_;
};

}  // namespace accelerate
