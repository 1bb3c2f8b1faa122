// Facts about the gradients of a step: the sum of their squares and whether all are finite, for the
// whole model, even if this rank has only a part of it. They must be the same on all ranks, because
// ranks make decisions with them.
//
//   facts.measure(gradients);
//   begin_step({.norm = facts.result(), .max_norm = 1}, step);
//
// GradientNorm handles gradients that every rank has whole; a strategy that cuts them implements
// another class. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "kernels/norm/norm_piece.h"

namespace accelerate {

class GradientFacts {
 public:
  virtual ~GradientFacts() = default;

  // Whether no rank has anything to measure, if this rank has these gradients. A rank without
  // gradients takes part in the measurement if others have some.
  virtual bool are_none(const std::vector<at::Tensor>& gradients) const = 0;
  // Does not wait for the device. Throws c10::Error for gradients that GradientNorm::takes()
  // rejects.
  virtual void measure(const std::vector<at::Tensor>& gradients) = 0;

  // The result of the last measure(), valid until the next one; on the device of the gradients.
  virtual const kernels::NormResult* result() const = 0;
  // The norm itself: 0-dim, fp64, a new tensor on that device.
  virtual at::Tensor norm() const = 0;

  // The norm of another kind, or of gradients that measure() does not take, such as sparse ones;
  // needs at least one gradient. 0-dim, fp64, on the device of the first.
  virtual at::Tensor norm_of(const std::vector<at::Tensor>& gradients, double norm_type) const = 0;
  // Whether `here` is true on any rank that has a part of these gradients.
  virtual bool any_rank(const std::vector<at::Tensor>& gradients, bool here) const = 0;
};

}  // namespace accelerate
