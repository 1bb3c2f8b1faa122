// Lets go of what a program holds, and has LibTorch give the memory back that it keeps for later
// tensors, so that another model or another process has room on the GPU.
//
//   at::Tensor logits = net->forward(images);
//   std::vector<at::Tensor> hidden;
//   accelerate::release_memory(logits, hidden, net);
//
// Takes tensors, module holders, smart pointers, containers, and structs of them; what cannot be
// empty, such as an optimizer, is held in a std::optional. Memory is free when nobody else refers
// to it either: an optimizer and a prepared model hold a module's parameters, a loss holds the
// tensors of its backward pass, and a captured step its recording. Not for parts of a training that
// goes on: the allocator gives the memory of tensors to others by itself, and to ask the GPU for
// it anew takes long. For any thread.
#pragma once

#include <torch/nn/module.h>

#include <concepts>
#include <type_traits>

#include "accelerate/nested/parts.h"
#include "accelerate/process/cuda.h"

namespace accelerate {
namespace internal {

template <class Object>
void make_empty(Object& object) {
  if constexpr (requires {
                  typename Object::ContainedType;
                  object.ptr();
                }) {
    // As a holder makes a module of its own when it is made with nothing.
    object = Object(nullptr);
  } else if constexpr (is_optional<Object>) {
    object.reset();
  } else if constexpr ((Struct<Object> || TupleLike<Object>)&&!TensorLike<Object>) {
    // Each for itself: a holder that is made anew would make a module.
    visit_parts(object, [](auto& part) { make_empty(part); });
  } else if constexpr (std::default_initializable<Object> && std::movable<Object> &&
                       !std::is_base_of_v<torch::nn::Module, Object>) {
    object = Object();
  } else {
    static_assert(
        never<Object>,
        "release_memory() empties tensors, module holders, smart pointers, containers, and structs "
        "of them, but not this type: hold a module in its holder or a std::shared_ptr, and what "
        "cannot be empty in a std::optional; a prepared handle ends with its scope");
  }
}

}  // namespace internal

template <class... Objects>
void release_memory(Objects&... objects) {
  (internal::make_empty(objects), ...);
  cuda::empty_cache();
}

}  // namespace accelerate
