// What is known about the gradients of a step, as everybody who decides by them must know it alike:
// the sum of their squares and whether all are finite, of the whole model, also where this rank has
// a part of them only.
//
//   facts.measure(gradients);
//   begin_step({.norm = facts.result(), .max_norm = 1}, step);
//
// GradientNorm knows it of gradients that every rank has whole; a strategy that cuts them is
// another class like that. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "kernels/norm/norm_piece.h"

namespace accelerate {

class GradientFacts {
 public:
  virtual ~GradientFacts() = default;

  // Whether there is nothing to measure on any rank, where this one has these. One rank without
  // gradients beside others that have some takes part in what they measure.
  virtual bool are_none(const std::vector<at::Tensor>& gradients) const = 0;
  // Does not wait for the device. Throws c10::Error for gradients that GradientNorm::takes() does
  // not.
  virtual void measure(const std::vector<at::Tensor>& gradients) = 0;

  // Of the last measure(), until the next one; on the device of the gradients.
  virtual const kernels::NormResult* result() const = 0;
  // The norm itself: 0-dim, fp64, a tensor of its own on that device.
  virtual at::Tensor norm() const = 0;

  // The norm of another kind, or of gradients that measure() does not take, such as sparse ones; at
  // least one. 0-dim, fp64, on the device of the first.
  virtual at::Tensor norm_of(const std::vector<at::Tensor>& gradients, double norm_type) const = 0;
  // Whether something is so on any rank that has a part of these gradients, where it is so here.
  virtual bool any_rank(const std::vector<at::Tensor>& gradients, bool here) const = 0;
};

}  // namespace accelerate
