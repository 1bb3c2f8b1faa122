// Empties objects of a program and makes LibTorch return the memory that it caches for later
// tensors, so that another model or another process has room on the GPU.
//
//   at::Tensor logits = net->forward(images);
//   std::vector<at::Tensor> hidden;
//   accelerate::release_memory(logits, hidden, net);
//
// Takes tensors, module holders, smart pointers, containers, and structs of these. Hold an object
// that cannot be empty, such as an optimizer, in a std::optional. Memory is freed only if nothing
// else refers to it: an optimizer and a prepared model hold a module's parameters, a loss holds the
// tensors of its backward pass, and a captured step holds its recording. Do not call it inside a
// training loop: the allocator reuses the memory of tensors anyway, and asking the GPU for it again
// is slow. For any thread.
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
    // With nullptr, because a default-constructed holder makes a new module.
    object = Object(nullptr);
  } else if constexpr (is_optional<Object>) {
    object.reset();
  } else if constexpr ((Struct<Object> || TupleLike<Object>)&&!TensorLike<Object>) {
    // Empties each part, because a default-constructed holder would make a new module.
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
