// Host work that makes a tensor, in the same memory in each replay.
//
// Part of recorder.h; not for others. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "accelerate/host_work/host_work.h"

namespace accelerate::internal {

// Work whose result is where the step's operators read it.
class TensorWork final : public HostWork {
 public:
  TensorWork(const char* name, std::vector<std::string> arguments, std::function<at::Tensor()> work)
      : HostWork(name), arguments_(std::move(arguments)), work_(std::move(work)) {}

  std::vector<std::string> arguments() const override { return arguments_; }
  void run() override {
    const at::Tensor value = work_();
    if (result_.defined()) {
      result_.copy_(value);
    } else {
      result_ = value.detach().clone();
    }
  }
  const at::Tensor& result() const { return result_; }

 private:
  std::vector<std::string> arguments_;
  std::function<at::Tensor()> work_;
  at::Tensor result_;
};

}  // namespace accelerate::internal
