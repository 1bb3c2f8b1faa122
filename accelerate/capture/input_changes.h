// What a call of a captured step has done to its inputs, and whether a replay would do the same.
//
// Part of StepKinds; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accelerate/tape/tensor_place.h"

namespace accelerate {

class InputChanges {
 public:
  // To be made before the call, which uses these tensors.
  explicit InputChanges(std::vector<at::Tensor> worked_on);

  // The inputs whose versions operators have raised by writing them.
  std::vector<size_t> versions_raised() const;
  // All inputs that were written, if the call used copies of `inputs`: also `others`, whose memory
  // was written through other tensors, and those written by operators that do not raise the
  // version.
  std::vector<size_t> written(const std::vector<at::Tensor>& inputs,
                              const std::vector<size_t>& others) const;
  // The first input whose shape or memory has changed; std::nullopt if there is none. move_along()
  // makes the same changes to the program's tensors.
  std::optional<size_t> first_moved() const;
  void move_along(const std::vector<at::Tensor>& inputs) const;

 private:
  bool has_moved(size_t i) const;

  std::vector<at::Tensor> worked_on_;
  std::vector<int64_t> versions_;
  std::vector<std::optional<TensorPlace>> places_;
};

// Why a replay could not do what the step has done to its inputs; std::nullopt if it can.
// `worked_on` are the tensors that the step got instead of `inputs`.
std::optional<std::string> obstacle_of(const std::vector<at::Tensor>& inputs,
                                       const std::vector<at::Tensor>& worked_on,
                                       const std::vector<size_t>& written);

}  // namespace accelerate
