// An operator's arguments and results, and the tensors in them.
//
// Part of the tape; not for others.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace accelerate::internal {

// The value with each of its defined tensors replaced by what the function returns for it. Throws
// c10::Error for a value that no tape can hold, such as an object of a class.
template <class Function>
c10::IValue with_tensors(const c10::IValue& value, Function&& function) {
  const auto replaced = [&](const at::Tensor& tensor) {
    return tensor.defined() ? at::Tensor(function(tensor)) : tensor;
  };
  if (value.isTensor()) return replaced(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(replaced(tensor));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorList())
      list.push_back(tensor ? std::optional(replaced(*tensor)) : std::nullopt);
    return list;
  }
  TORCH_CHECK(!value.isObject() && !value.isTuple() && !value.isStorage(),
              "an argument is of the type ", value.tagKind());
  return value;
}

template <class Function>
void for_each_tensor(const c10::IValue& value, Function&& function) {
  with_tensors(value, [&](const at::Tensor& tensor) {
    function(tensor);
    return tensor;
  });
}

inline bool writes_arguments(const c10::OperatorHandle& op) {
  const auto& arguments = op.schema().arguments();
  return std::any_of(arguments.begin(), arguments.end(), [](const c10::Argument& each) {
    return each.alias_info() != nullptr && each.alias_info()->isWrite();
  });
}

}  // namespace accelerate::internal
