// What autograd, the program and the engine put in the place of `.grad` while a step is recorded on
// the CPU, and what a replay does so that it comes to lie where the tape's operators work on it.
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

// Whether it lies in memory that operators may work on: not one that is cut over the ranks.
bool has_values(const at::Tensor& gradient);

// Where a gradient was that was there when a step began.
struct FormerGradient {
  at::Tensor parameter;
  TensorPlace place;
};

// Where a gradient was that the engine had put there. Weak, because some look at how many hold a
// gradient: only operators of the step that work on it keep its memory.
struct PlacedGradient {
  at::Tensor parameter;
  WeakTensor gradient;
  TensorPlace place;
  // Whether operators of the tape work on it. Otherwise it may be the program's by now.
  bool is_needed = true;

  // Whether the program holds it, besides the parameter and at first the engine.
  bool is_kept() const;
  // The engine takes other memory when somebody holds a gradient.
  void bring_back() const;
};

using PlacedGradients = std::vector<std::shared_ptr<PlacedGradient>>;

class GradientObserver final : public HostObserver {
 public:
  // They outlive it.
  GradientObserver(const ModelSet& models, const OptimizerSteps& optimizers);

  std::function<void()> changes() override;
  // Rates that the step has set by itself, and not a prepared schedule.
  std::optional<std::string> obstacle() override;
  std::function<void()> after_work(std::vector<NamedMemory>& named) override;
  bool is_at_rest() const override { return !models_.is_syncing(); }
  std::vector<c10::Storage> gradients() const override;

  // Of all models and optimizers, each once.
  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  const PlacedGradients& placed() const { return placed_; }
  // Of the gradient of a parameter.
  NamedMemory name(size_t i) const;

 private:
  // Whether it is another one now.
  bool note(size_t i);

  std::vector<double> rates() const;

  const ModelSet& models_;
  const OptimizerSteps& optimizers_;
  // As they were at the end of the last work of the host.
  std::vector<double> rates_;
  std::vector<at::Tensor> parameters_;
  std::vector<WeakTensor> gradients_;
  PlacedGradients placed_;
};

}  // namespace accelerate
