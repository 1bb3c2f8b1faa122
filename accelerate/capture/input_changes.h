// What a call of a captured step has done to its inputs, and whether a replay would do it, too.
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
  // Before the call, which works on these tensors.
  explicit InputChanges(std::vector<at::Tensor> worked_on);

  // Those that operators have written and said so.
  std::vector<size_t> versions_raised() const;
  // All that were written where the call worked on copies of `inputs`: also those of `others`,
  // whose memory was written by another name, and those written by operators that do not say so.
  std::vector<size_t> written(const std::vector<at::Tensor>& inputs,
                              const std::vector<size_t>& others) const;
  // The first that has another form or memory now; none where all have theirs. And the same for the
  // program's tensors.
  std::optional<size_t> first_moved() const;
  void move_along(const std::vector<at::Tensor>& inputs) const;

 private:
  bool has_moved(size_t i) const;

  std::vector<at::Tensor> worked_on_;
  std::vector<int64_t> versions_;
  std::vector<std::optional<TensorPlace>> places_;
};

// Why a replay could not do what the step has done to its inputs, where `worked_on` are those that
// it got in place of these; none when it can.
std::optional<std::string> obstacle_of(const std::vector<at::Tensor>& inputs,
                                       const std::vector<at::Tensor>& worked_on,
                                       const std::vector<size_t>& written);

}  // namespace accelerate
