// Calls a function on every tensor inside a value: the value itself if it is a tensor, otherwise
// the tensors that it holds, at any depth. Models' outputs, batches and arguments of gather() are
// all visited this way.
//
//   struct Output {
//     at::Tensor logits;
//     std::vector<at::Tensor> hidden;
//     int64_t length;
//   };
//   Output output = model(input);
//   accelerate::visit_tensors(output, [](at::Tensor& tensor) { tensor = tensor.to(at::kFloat); });
//
// Seen through: containers, pair, tuple, optional, variant, unique_ptr, torch::OrderedDict, types
// that are just `data` and `target` (torch::data::Example), plain structs (aggregates without base
// classes) of up to 32 members, and any class with a function accelerate_parts() (see parts.h). It
// skips numbers, strings and other types that cannot own a tensor. A type that may hide a tensor
// does not compile, and the message names the remedy: a tensor that was missed would keep the wrong
// type or remain on the wrong device.
//
// Undefined tensors are passed to the function too. Not thread-safe: no other thread may use the
// value.
#pragma once

#include <ATen/core/Tensor.h>

#include <type_traits>

#include "accelerate/nested/parts.h"

namespace accelerate {

template <class Value, class Function>
void visit_tensors(Value& value, Function&& function) {
  using T = std::remove_cv_t<Value>;
  if constexpr (internal::TensorLike<T>) {
    static_assert(!std::is_const_v<Value>,
                  "accelerate cannot replace a tensor that is const: hold it without const, in a "
                  "std::vector rather than a std::set or a view such as at::TensorList");
    if constexpr (!std::is_const_v<Value>) function(static_cast<at::Tensor&>(value));
  } else if constexpr (internal::HoldsNothing<T> || internal::SequenceOfNothing<T>) {
    return;
  } else if constexpr (internal::HasParts<T>) {
    internal::visit_parts(value, [&function](auto& part) { visit_tensors(part, function); });
  } else {
    static_assert(
        internal::never<T>,
        "accelerate cannot look into this type, which may hold tensors (a class with private "
        "members, a std::shared_ptr, a pointer, a c10::IValue): hold the tensors themselves, or "
        "write `auto accelerate_parts(Class& value) { return std::tie(value.a, value.b); }` in the "
        "class's namespace, which returns an empty std::tuple where there are none");
  }
}

}  // namespace accelerate
