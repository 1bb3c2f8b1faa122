// How far an optimizer's gradients are on their way into an update: what has been done to their
// values, what is left to the step, and where they were when the engine last looked at them. A
// value: a copy of it says how things were.
//
// Part of the OptimizerSteps; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace accelerate {

// A gradient as it was when it was last looked at.
struct SeenGradient {
  c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl> tensor;
  uint32_t version;
};

// Begins anew with each backward pass and when the gradients are zeroed.
class PendingStep {
 public:
  enum class Phase {
    kAccumulated,  // As backward passes have left them, with the loss scale.
    kMeasured,     // The optimizer's kernels::Step is about them: whether one is not finite, and
                   // what their values are still to be multiplied by.
    kUnscaled,     // The same, and the loss scale was taken out of the values themselves.
  };
  enum class Clip {
    kNone,
    kInValues,
    kInStep,  // Left to the step, by the factor of its kernels::Step.
  };

  Phase phase = Phase::kAccumulated;
  Clip clip = Clip::kNone;
  // The sum of their squares after a clip of the values, where it is not known what the program
  // does next.
  double clipped_sum = 0;
  // Whether the optimizer has made an update of them.
  bool stepped = false;
  // Whether the loss scale has to stay as it is until they are used up.
  bool awaits_step = false;

  bool is_measured() const { return phase != Phase::kAccumulated; }

  // Takes note of how the engine leaves the gradients.
  void see(const std::vector<at::Tensor>& gradients);
  // Whether it has looked at them, or changed them.
  bool has_seen() const { return !seen_.empty(); }
  // Whether these are those it has seen, with the same versions; whether none of those is among
  // them.
  bool is_as_seen(const std::vector<at::Tensor>& gradients) const;
  bool are_all_new(const std::vector<at::Tensor>& gradients) const;

  // Forgets all, but keeps the list's memory, which each step uses.
  void reset();

 private:
  std::vector<SeenGradient> seen_;
};

}  // namespace accelerate
