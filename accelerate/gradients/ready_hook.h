// Tells a reducer that autograd has completed a parameter's gradient, or that the program has
// replaced this hook by another.
//
// Part of the SyncedParameters; not for others.
#pragma once

#include <torch/csrc/autograd/function_hook.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "accelerate/libtorch/tested_version.h"

namespace accelerate::internal {

class ReadyHook : public torch::autograd::PostAccumulateGradHook {
 public:
  class Listener {
   public:
    virtual void on_gradient_ready(size_t parameter) = 0;
    virtual void on_hook_gone(size_t parameter) = 0;

   protected:
    ~Listener() = default;
  };

  // `next` is a hook that was set before, because a tensor has room for only one; it runs first.
  ReadyHook(std::weak_ptr<Listener> listener, size_t parameter,
            std::unique_ptr<PostAccumulateGradHook> next)
      : listener_(std::move(listener)), parameter_(parameter), next_(std::move(next)) {}
  ~ReadyHook() override {
    if (const auto listener = listener_.lock()) listener->on_hook_gone(parameter_);
  }

  void operator()(const at::Tensor& tensor) override {
    if (next_) (*next_)(tensor);
    if (const auto listener = listener_.lock()) listener->on_gradient_ready(parameter_);
  }

  // Returns the hook without those of reducers that no longer exist.
  static std::unique_ptr<PostAccumulateGradHook> still_needed(
      std::unique_ptr<PostAccumulateGradHook> hook) {
    for (auto* ours = dynamic_cast<ReadyHook*>(hook.get());
         ours != nullptr && ours->listener_.expired();
         ours = dynamic_cast<ReadyHook*>(hook.get())) {
      hook = std::move(ours->next_);
    }
    return hook;
  }

 private:
  std::weak_ptr<Listener> listener_;
  size_t parameter_;
  std::unique_ptr<PostAccumulateGradHook> next_;
};

}  // namespace accelerate::internal
