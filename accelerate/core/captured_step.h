// A training step that is recorded once and then replayed whole, as Accelerator::capture() makes
// it: on a GPU one CUDA graph from the forward pass to the optimizer, so that the host has next to
// nothing to do; on the CPU a tape of operators, without autograd and the program's own code.
//
//   auto step = accelerator.capture([&](auto& batch) {
//     optimizer.zero_grad();
//     auto loss = loss_of(model(batch.data), batch.target);
//     accelerator.backward(loss);
//     optimizer.step();
//     scheduler.step();
//     return loss;
//   });
//   for (auto& batch : loader) total += step(batch);
//
// The first calls run as they are. Then the step is recorded, once for each kind of inputs (their
// shapes and types, and which modules and parameters train); each further call gives its inputs to
// the recording, replays it, and returns copies of what the step returned. Rates and other
// options of optimizers are read in each replay, dropout draws fresh numbers, an overflow of fp16
// skips the update as always, and prepared schedulers advance.
//
// What the step's own code does on the host beside that, such as counting samples, is done only
// while it is recorded: do it outside. What it reads there stays as it was: numbers, also those in
// a batch, but for arguments of the step that are numbers themselves, of which each is a kind of
// its own. A step that reads values of tensors on the host (item(), a decision on the loss) cannot
// be recorded, nor on a GPU one that has inputs on the CPU, steps an optimizer without a fused
// form, or accumulates over several batches: it says why, once, and runs as it is. See
// docs/captured_steps.md. Not for evaluation, and not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "accelerate/core/step_capture.h"
#include "accelerate/nested/visit_tensors.h"

namespace accelerate {

template <class Function>
class CapturedStep {
 public:
  CapturedStep(Function function, std::shared_ptr<StepCapture> capture)
      : function_(std::move(function)), capture_(std::move(capture)) {}

  template <class... Arguments>
  auto operator()(Arguments&&... arguments) {
    using Inputs = std::tuple<std::decay_t<Arguments>...>;
    using Returned = std::invoke_result_t<Function&, std::decay_t<Arguments>&...>;
    if constexpr (std::is_void_v<Returned>) {
      call<Inputs, std::tuple<>>(Inputs(std::forward<Arguments>(arguments)...));
    } else {
      return call<Inputs, std::decay_t<Returned>>(Inputs(std::forward<Arguments>(arguments)...));
    }
  }

  // Why calls run as they are; none while they are captured.
  const std::optional<std::string>& refusal() const { return capture_->refusal(); }

 private:
  template <class Inputs, class Result>
  struct Kept {
    Inputs inputs;
    std::optional<Result> result = std::nullopt;
  };

  template <class Inputs, class Result>
  Result call(Inputs inputs) {
    StepCapture::Entry* entry = capture_->find(types_of(inputs), tensors_of(inputs));
    if (entry == nullptr) return run<Result>(inputs);
    if (!capture_->is_replay(*entry)) {
      std::optional<Result> result;
      capture_->warm_up(*entry, [&] { result.emplace(run<Result>(inputs)); });
      return std::move(*result);
    }
    if (capture_->must_record(*entry)) {
      auto kept = std::make_shared<Kept<Inputs, Result>>(Kept<Inputs, Result>{inputs});
      visit_tensors(kept->inputs, [](at::Tensor& tensor) {
        if (tensor.defined())
          tensor = tensor.detach().clone().requires_grad_(tensor.requires_grad());
      });
      const RecordingAttempt attempt = capture_->record(*entry, tensors_of(kept->inputs), [&] {
        kept->result.emplace(detached(run<Result>(kept->inputs)));
      });
      if (attempt.is_ready) entry->kept = kept;
      if (attempt.is_done) return copied(*kept->result);
      if (!attempt.is_ready) return call<Inputs, Result>(std::move(inputs));
    }
    auto& kept = *static_cast<Kept<Inputs, Result>*>(entry->kept.get());
    capture_->replay(*entry, tensors_of(kept.inputs), tensors_of(inputs));
    return copied(*kept.result);
  }

  template <class Result, class Inputs>
  Result run(Inputs& inputs) {
    if constexpr (std::is_same_v<Result, std::tuple<>>) {
      std::apply(function_, inputs);
      return {};
    } else {
      return std::apply(function_, inputs);
    }
  }

  // The next replay writes what it returned.
  template <class Result>
  static Result copied(Result result) {
    visit_tensors(result, [](at::Tensor& tensor) {
      if (tensor.defined()) tensor = tensor.clone();
    });
    return result;
  }

  // The graph of autograd that led to them is of no use to anybody after the step.
  template <class Result>
  static Result detached(Result result) {
    visit_tensors(result, [](at::Tensor& tensor) {
      if (tensor.defined()) tensor = tensor.detach();
    });
    return result;
  }

  // Also the values of numbers, which a recording holds as they were.
  template <class... Each>
  static std::string types_of(const std::tuple<Each...>& inputs) {
    std::string types = typeid(inputs).name();
    const auto add = [&types](const auto& each) {
      if constexpr (std::is_arithmetic_v<std::decay_t<decltype(each)>>)
        types.append(reinterpret_cast<const char*>(&each), sizeof(each));
    };
    std::apply([&](const auto&... each) { (add(each), ...); }, inputs);
    return types;
  }

  template <class Inputs>
  static std::vector<at::Tensor> tensors_of(Inputs& inputs) {
    std::vector<at::Tensor> tensors;
    visit_tensors(inputs, [&tensors](at::Tensor& tensor) { tensors.push_back(tensor); });
    return tensors;
  }

  Function function_;
  std::shared_ptr<StepCapture> capture_;
};

}  // namespace accelerate
