// A program's own object as a part of the run's state.
//
//   auto part = registered_object("ema", ema, {.equal_on_all_ranks = true, .device = device});
//   const State saved = part->save();
//
// Part of Accelerator::register_for_checkpointing(), which says what objects it takes.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>
#include <torch/nn/module.h>
#include <torch/serialize/archive.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "accelerate/state/stateful.h"

namespace accelerate::internal {

inline constexpr const char* kValue = "value";

// A value that is its own state.
template <class Object>
concept IsValue = std::is_arithmetic_v<Object> || std::same_as<Object, at::Tensor>;

template <class Number>
State state_of_value(const Number& value) requires std::is_arithmetic_v<Number> {
  State state;
  if constexpr (std::is_integral_v<Number>) {
    state.set(kValue, static_cast<int64_t>(value));
  } else {
    state.set(kValue, static_cast<double>(value));
  }
  return state;
}
// Throws c10::Error if the saved value is of another kind, or does not fit into the program's type.
template <class Number>
Number saved_value(const State& state) requires std::is_arithmetic_v<Number> {
  if constexpr (std::is_integral_v<Number>) {
    const int64_t saved = state.integer(kValue);
    const auto value = static_cast<Number>(saved);
    TORCH_CHECK(static_cast<int64_t>(value) == saved, "the saved number is ", saved,
                ", which the program's type cannot hold; use a wider type");
    return value;
  } else {
    return static_cast<Number>(state.number(kValue));
  }
}
template <class Number>
void check_value(const Number&, const State& state) requires std::is_arithmetic_v<Number> {
  saved_value<Number>(state);
}
template <class Number>
void load_value(Number& value, const State& state) requires std::is_arithmetic_v<Number> {
  value = saved_value<Number>(state);
}
State state_of_value(const at::Tensor& value);
// Throws c10::Error if the sizes differ, or if the type is of another kind.
void check_value(const at::Tensor& value, const State& state);
// Copies the saved value into `value` in place.
void load_value(at::Tensor& value, const State& state);

// An object that saves itself as a State.
template <class Object>
concept KeepsState = requires(Object& object, const State& state) {
  { object.state() } -> std::convertible_to<State>;
  object.load_state(state);
};

// An object that LibTorch's archives can hold.
template <class Object>
concept KeepsArchive = requires(const Object& object, Object& loaded,
                                torch::serialize::OutputArchive& out,
                                torch::serialize::InputArchive& in) {
  object.save(out);
  loaded.load(in);
};

// The module, if the object is one or holds one; otherwise null.
template <class Object>
torch::nn::Module* module_of(Object& object) {
  if constexpr (std::derived_from<Object, torch::nn::Module>) {
    return &object;
  } else if constexpr (requires {
                         { object.get() } -> std::convertible_to<torch::nn::Module*>;
                       }) {
    return object.get();
  } else if constexpr (requires {
                         { object.ptr().get() } -> std::convertible_to<torch::nn::Module*>;
                       }) {
    return object.ptr().get();
  } else {
    return nullptr;
  }
}
template <class Object>
concept IsModule = std::derived_from<Object, torch::nn::Module> || requires(Object& object) {
  { object.get() } -> std::convertible_to<torch::nn::Module*>;
} || requires(Object& object) {
  { object.ptr().get() } -> std::convertible_to<torch::nn::Module*>;
};

// Save the parameters and buffers of a module by name, check such a state, and load it. Throw
// c10::Error that lists all differences, with nothing changed, if the names, shapes or types
// differ.
State module_state(const torch::nn::Module& module);
void check_module_state(const torch::nn::Module& module, const State& state, std::string_view name);
void load_module_state(torch::nn::Module& module, const State& state);

State archive_state(torch::serialize::OutputArchive& archive);
torch::serialize::InputArchive archive_of(const State& state, c10::Device device);

struct Registration {
  bool equal_on_all_ranks = true;
  // The device to which the tensors of an archive are loaded.
  c10::Device device = at::kCPU;
};

template <class Object>
class RegisteredObject final : public Stateful {
 public:
  RegisteredObject(std::string name, Object& object, const Registration& registration)
      : name_(std::move(name)), object_(object), registration_(registration) {}

  std::string_view state_name() const override { return name_; }
  bool is_equal_on_all_ranks() const override { return registration_.equal_on_all_ranks; }
  State save() override {
    if constexpr (IsValue<Object>) {
      return state_of_value(object_);
    } else if constexpr (KeepsState<Object>) {
      return object_.state();
    } else if constexpr (IsModule<Object>) {
      return module_state(*module_of(object_));
    } else {
      torch::serialize::OutputArchive archive;
      object_.save(archive);
      return archive_state(archive);
    }
  }
  void check(const State& state) override {
    if constexpr (IsValue<Object>) {
      check_value(object_, state);
    } else if constexpr (KeepsState<Object>) {
      // Only the program can check it.
    } else if constexpr (IsModule<Object>) {
      check_module_state(*module_of(object_), state, name_);
    } else {
      archive_of(state, registration_.device);
    }
  }
  void load(const State& state) override {
    if constexpr (IsValue<Object>) {
      load_value(object_, state);
    } else if constexpr (KeepsState<Object>) {
      object_.load_state(state);
    } else if constexpr (IsModule<Object>) {
      load_module_state(*module_of(object_), state);
    } else {
      torch::serialize::InputArchive archive = archive_of(state, registration_.device);
      object_.load(archive);
    }
  }

 private:
  std::string name_;
  Object& object_;
  Registration registration_;
};

template <class Object>
std::unique_ptr<Stateful> registered_object(std::string name, Object& object,
                                            const Registration& registration) {
  static_assert(IsValue<Object> || KeepsState<Object> || IsModule<Object> || KeepsArchive<Object>,
                "register_for_checkpointing() takes a number, a tensor or a module, or an object "
                "with state() and load_state(), or one with save() and load() of LibTorch's "
                "archives; give this class one of these");
  return std::make_unique<RegisteredObject<Object>>(std::move(name), object, registration);
}

}  // namespace accelerate::internal
