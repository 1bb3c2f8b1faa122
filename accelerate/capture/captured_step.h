// A training step that is recorded once and then replayed as a whole, as Accelerator::capture()
// makes it. On a GPU the recording is one CUDA graph from the forward pass to the optimizer, so
// that the host has next to nothing to do; on the CPU it is a tape of operators, without autograd
// and the program's own code.
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
// The first calls run normally. Then the step is recorded, once for each kind of inputs (their
// shapes and types, and which modules and parameters train). Each further call passes its inputs to
// the recording, replays it, and returns copies of what the step returned. A replay reads the
// learning rates and other options of optimizers, draws fresh numbers for dropout, skips the update
// after an overflow in fp16, and advances prepared schedulers.
//
// The step's other code on the host, such as counting samples, runs only while the step is
// recorded: put it outside. Host values that the step reads from elsewhere than its arguments are
// frozen at that moment. If an argument is not a tensor, each of its values makes a separate kind
// of inputs; if the step writes an argument's tensor in place, the program's tensor changes, too. A
// step cannot be recorded if it reads values of tensors on the host (item(), a decision on the
// loss), if its inputs require grad, or if it assigns to its arguments; nor, on a GPU, if it has
// inputs on the CPU, steps an optimizer without a fused form, or accumulates over several batches.
// It then warns once with the reason and runs normally. On the CPU a step is recorded again from
// time to time and compared; see CaptureOptions and docs/captured_steps.md. Not for evaluation, and
// not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accelerate/capture/step_arguments.h"
#include "accelerate/capture/step_kinds.h"

namespace accelerate {

template <class Function>
class CapturedStep {
 public:
  CapturedStep(Function function, std::shared_ptr<StepKinds> kinds)
      : function_(std::move(function)), kinds_(std::move(kinds)) {}

  // Throws what the step throws, and c10::Error if the step turns out to do something other than
  // when it was recorded.
  template <class... Arguments>
  auto operator()(Arguments&&... arguments) {
    using Inputs = std::tuple<std::decay_t<Arguments>...>;
    using Returned = std::invoke_result_t<Function&, std::decay_t<Arguments>&...>;
    std::tuple<Given<Arguments>...> given(std::forward<Arguments>(arguments)...);
    if constexpr (std::is_void_v<Returned>) {
      call<Inputs, std::tuple<>>(given);
    } else {
      return call<Inputs, std::decay_t<Returned>>(given);
    }
  }

  // Why calls run normally; std::nullopt while they are captured.
  const std::optional<std::string>& refusal() const { return kinds_->refusal(); }

 private:
  // What a call that runs normally passes to the step: the program's variables themselves, which
  // the step may change, and copies of everything else.
  template <class Argument>
  static constexpr bool is_variable =
      std::is_lvalue_reference_v<Argument> && !std::is_const_v<std::remove_reference_t<Argument>> &&
      !std::is_array_v<std::remove_reference_t<Argument>>;
  template <class Argument>
  using Given = std::conditional_t<is_variable<Argument>, Argument, std::decay_t<Argument>>;

  template <class Inputs, class Result>
  struct Kept {
    Inputs inputs;
    // The tensors of the inputs before the step, which may assign others to what is its own.
    std::vector<at::Tensor> recorded = {};
    std::optional<Result> result = std::nullopt;
  };

  template <class Inputs, class Result, class GivenTuple>
  Result call(GivenTuple& given) {
    StepArguments arguments = arguments_of(given);
    arguments.rest += typeid(Inputs).name();
    StepKinds::Kind* kind = kinds_->find(arguments);
    if (kind == nullptr) return run<Result>(given);
    if (!kinds_->is_replay(*kind)) {
      std::optional<Result> result;
      const StepArguments before = variables_of<GivenTuple>(given);
      kinds_->warm_up(*kind, arguments.tensors, [&] { result.emplace(run<Result>(given)); });
      kinds_->refuse_assignments(before, variables_of<GivenTuple>(given));
      kinds_->note_result(*kind, arguments_of(*result));
      return std::move(*result);
    }
    if (kinds_->must_record(*kind)) {
      auto kept = std::make_shared<Kept<Inputs, Result>>(Kept<Inputs, Result>{Inputs(given)});
      make_own(kept->inputs);
      kept->recorded = arguments_of(kept->inputs).tensors;
      const StepArguments before = variables_of<GivenTuple>(kept->inputs);
      const RecordingAttempt attempt =
          kinds_->record(*kind, kept->recorded, arguments.tensors, [&] {
            kept->result.emplace(detached(run<Result>(kept->inputs)));
            StepKinds::check_no_assignments(before, variables_of<GivenTuple>(kept->inputs));
          });
      if (attempt.is_ready) kind->kept = kept;
      if (kept->result) kinds_->note_result(*kind, arguments_of(*kept->result));
      if (attempt.is_done) return copied(*kept->result);
      if (!attempt.is_ready) return call<Inputs, Result>(given);
    }
    auto& kept = *static_cast<Kept<Inputs, Result>*>(kind->kept.get());
    kinds_->replay(*kind, kept.recorded, arguments.tensors);
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

  // Replaces the program's tensors by tensors of the recording. A tensor that occurs twice is
  // replaced by one tensor.
  template <class Inputs>
  static void make_own(Inputs& inputs) {
    std::unordered_map<const c10::TensorImpl*, at::Tensor> own;
    internal::replace_tensors(inputs, [&own](const at::Tensor& tensor) {
      at::Tensor& mine = own[tensor.unsafeGetTensorImpl()];
      if (!mine.defined()) mine = StepKinds::own_copy(tensor);
      return mine;
    });
  }

  // Copies the tensors, because the next replay overwrites them.
  template <class Result>
  static Result copied(Result result) {
    internal::replace_tensors(result, [](const at::Tensor& tensor) { return tensor.clone(); });
    return result;
  }

  // Drops autograd's graph of the tensors, which nobody needs after the step.
  template <class Result>
  static Result detached(Result result) {
    internal::replace_tensors(result, [](const at::Tensor& tensor) { return tensor.detach(); });
    return result;
  }

  template <class Tuple>
  static StepArguments arguments_of(Tuple& tuple) {
    StepArguments arguments;
    internal::ArgumentReader reader{arguments};
    internal::visit_leaves(tuple, reader);
    return arguments;
  }

  // The arguments that are variables of the program.
  template <class GivenTuple, class Tuple>
  static StepArguments variables_of(Tuple& tuple) {
    StepArguments arguments;
    internal::ArgumentReader reader{arguments};
    [&]<size_t... i>(std::index_sequence<i...>) {
      const auto add = [&reader]<class Argument>(std::type_identity<Argument>, auto& value) {
        if constexpr (is_variable<Argument>) internal::visit_leaves(value, reader);
      };
      (add(std::type_identity<std::tuple_element_t<i, GivenTuple>>(), std::get<i>(tuple)), ...);
    }
    (std::make_index_sequence<std::tuple_size_v<Tuple>>());
    return arguments;
  }

  Function function_;
  std::shared_ptr<StepKinds> kinds_;
};

}  // namespace accelerate
