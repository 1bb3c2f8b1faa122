// Work on the host that belongs to a training step, such as sending a bucket of gradients: it is
// done, and where the step is being recorded for a CPU, done again in each replay, at the same
// place between the step's operators.
//
//   void Reducer::finish(int bucket) {
//     in_each_replay("send a bucket", [this, bucket] { send(bucket); });
//     const auto measure = [this](const std::vector<at::Tensor>& of) { return norm_of(of); };
//     norm_ = tensor_in_each_replay("measure", measure, gradients_);
//   }
//
// What the work calls is not recorded by itself. It runs when the step's tensors are long gone, so
// that it holds no references to what the step has on its stack. Not for operators of LibTorch
// alone, which are recorded as they are. For any thread; only one that records notes anything.
//
// What a scope of the program does at its beginning and its end is such work, too:
//
//   Scope::Scope(Model* model) : model_(model) {
//     open_in_each_replay(this, "no_sync", [](Model* model) { ++model->depth; }, model);
//   }
//   Scope::~Scope() {
//     close_in_each_replay(this, "end of no_sync", [](Model* of) { --of->depth; }, model_);
//   }
//
// Where an operator of a replay throws in between, the end is done all the same.
#pragma once

#include <ATen/core/Tensor.h>

#include <charconv>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace accelerate {

namespace internal {

// Whether this thread records, and is not within such work already.
bool is_recording();
// A scope that the work opens or closes; null for none.
struct ScopeMark {
  const void* opens = nullptr;
  const void* closes = nullptr;
};
// `arguments`: what tells each of them from another, in a comparison of two recordings.
void record_call(const char* name, std::vector<std::string> arguments, std::function<void()> work,
                 const ScopeMark& mark = {});
at::Tensor record_tensor_call(const char* name, std::vector<std::string> arguments,
                              std::function<at::Tensor()> work);

// A number by its value, and an object by its address. Nothing of what else there may be.
template <class Argument>
std::string identity_of(const Argument& argument) {
  if constexpr (std::is_arithmetic_v<Argument>) {
    if constexpr (std::is_same_v<Argument, bool>) return argument ? "true" : "false";
    char digits[64];
    const auto end = std::to_chars(digits, digits + sizeof(digits), argument);
    return std::string(digits, end.ptr);
  } else if constexpr (std::is_pointer_v<Argument>) {
    return identity_of(reinterpret_cast<std::uintptr_t>(argument));
  } else if constexpr (std::is_same_v<Argument, std::vector<at::Tensor>>) {
    std::string all;
    for (const at::Tensor& each : argument) all += identity_of(each.unsafeGetTensorImpl()) + " ";
    return all;
  } else if constexpr (requires { argument.lock(); }) {
    return identity_of(argument.lock().get());
  } else {
    return {};
  }
}

}  // namespace internal

// Calls the work with the arguments, which are copied only where it is recorded. The name says in
// an error what differs from one step to the next; so that this is noticed, numbers that the
// program gives and the objects that it means are arguments, and not a part of the work.
template <class Work, class... Arguments>
void in_each_replay(const char* name, const Work& work, const Arguments&... arguments) {
  if (!internal::is_recording()) return work(arguments...);
  internal::record_call(name, {internal::identity_of(arguments)...},
                        [work, ... kept = arguments] { work(kept...); });
}

// The scope is the address of what unlike all other scopes has it while it lasts.
template <class Work, class... Arguments>
void open_in_each_replay(const void* scope, const char* name, const Work& work,
                         const Arguments&... arguments) {
  if (!internal::is_recording()) return work(arguments...);
  internal::record_call(name, {internal::identity_of(arguments)...},
                        [work, ... kept = arguments] { work(kept...); }, {.opens = scope});
}

template <class Work, class... Arguments>
void close_in_each_replay(const void* scope, const char* name, const Work& work,
                          const Arguments&... arguments) {
  if (!internal::is_recording()) return work(arguments...);
  internal::record_call(name, {internal::identity_of(arguments)...},
                        [work, ... kept = arguments] { work(kept...); }, {.closes = scope});
}

// Work with a result of the same size and type every time, which further operators may use.
template <class Work, class... Arguments>
at::Tensor tensor_in_each_replay(const char* name, const Work& work,
                                 const Arguments&... arguments) {
  if (!internal::is_recording()) return work(arguments...);
  return internal::record_tensor_call(name, {internal::identity_of(arguments)...},
                                      [work, ... kept = arguments] { return work(kept...); });
}

// For what hands a value to the program that may be another one in each step: a step that calls it
// cannot be replayed, and `what` is named as the reason.
void refuse_recording(const char* what);

}  // namespace accelerate
