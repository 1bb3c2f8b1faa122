// How far an optimizer's gradients have come on their way into an update: what has been done to
// their values, what is left to the step, and where they were when the engine last looked at them.
// A copy of this value describes the earlier state.
//
// Part of the OptimizerSteps; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace accelerate {

// A gradient as it was when the engine last looked at it.
struct SeenGradient {
  c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl> tensor;
  uint32_t version;
};

// Starts from the beginning with each backward pass and when the gradients are zeroed.
class PendingStep {
 public:
  enum class Phase {
    kAccumulated,  // The values are as backward passes have left them, with the loss scale.
    kMeasured,     // The optimizer's kernels::Step describes them: whether one is not finite, and
                   // by which factor their values must still be multiplied.
    kUnscaled,     // The same, and the values themselves have been divided by the loss scale.
  };
  enum class Clip {
    kNone,
    kInValues,
    kInStep,  // Left to the step, by the factor of its kernels::Step.
  };

  Phase phase = Phase::kAccumulated;
  Clip clip = Clip::kNone;
  // The sum of the squares after a clip of the values, if it is not known what the program does
  // next.
  double clipped_sum = 0;
  // Whether the optimizer has stepped with them.
  bool stepped = false;
  // Whether the loss scale must not change until they are used up.
  bool awaits_step = false;

  bool is_measured() const { return phase != Phase::kAccumulated; }

  // Notes the gradients as the engine leaves them.
  void see(const std::vector<at::Tensor>& gradients);
  // Whether see() has noted any gradients.
  bool has_seen() const { return !seen_.empty(); }
  // is_as_seen(): whether these are the gradients that see() noted, with the same versions.
  // are_all_new(): whether none of these is among the noted ones.
  bool is_as_seen(const std::vector<at::Tensor>& gradients) const;
  bool are_all_new(const std::vector<at::Tensor>& gradients) const;

  // Forgets everything, but keeps the list's memory, which each step uses.
  void reset();

 private:
  std::vector<SeenGradient> seen_;
};

}  // namespace accelerate
