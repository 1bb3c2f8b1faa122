// The values that a run logs, and the settings that it was started with.
//
// Example:
//   const RunSettings settings = {{"lr", 0.1}, {"layers", 12}, {"optimizer", "adamw"}};
//   const LogValues values = {{"loss", loss}, {"tokens", 4096}, {"note", "warm"}};
//   accelerator.log(values);
//
// Not for large tensors: use log_histogram() for those.
#pragma once

#include <ATen/core/Tensor.h>

#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace accelerate {

namespace internal {

template <std::integral Number>
constexpr bool is_too_large(Number number) {
  return number > 0 && static_cast<std::uint64_t>(number) >
                           std::uint64_t{std::numeric_limits<std::int64_t>::max()};
}

}  // namespace internal

// A number, a text, or a tensor of one number. A tensor on a GPU is copied in the order of the
// GPU's work, and nothing waits for it.
class LogValue {
 public:
  template <class Number>
  LogValue(Number number)  // NOLINT: so that a program writes the number.
      requires std::floating_point<Number> : value_(static_cast<double>(number)) {}
  template <class Number>
  LogValue(Number number)  // NOLINT
      requires std::integral<Number> : value_(static_cast<std::int64_t>(number)) {
    // An unsigned number of 64 bits.
    if (internal::is_too_large(number)) value_ = static_cast<double>(number);
  }
  template <class Text>
  LogValue(Text&& text)  // NOLINT
      requires std::constructible_from<std::string, Text> &&(!std::integral<Text>)
      : value_(std::string(std::forward<Text>(text))) {}
  LogValue(const at::Tensor& tensor) : value_(tensor) {}  // NOLINT

  const std::variant<double, std::int64_t, std::string, at::Tensor>& get() const { return value_; }

 private:
  std::variant<double, std::int64_t, std::string, at::Tensor> value_;
};

using LogValues = std::vector<std::pair<std::string, LogValue>>;

// A setting: a bool, a number or a text.
class Setting {
 public:
  template <class Number>
  Setting(Number number)  // NOLINT
      requires std::floating_point<Number> : value_(static_cast<double>(number)) {}
  template <class Number>
  Setting(Number number)  // NOLINT
      requires std::integral<Number> &&(!std::same_as<Number, bool>)
      : value_(static_cast<std::int64_t>(number)) {
    // For example a seed, in which every digit counts.
    if (internal::is_too_large(number)) value_ = std::to_string(number);
  }
  template <class Bool>
  Setting(Bool is)  // NOLINT
      requires std::same_as<Bool, bool> : value_(is) {}
  template <class Text>
  Setting(Text&& text)  // NOLINT
      requires std::constructible_from<std::string, Text> &&(!std::integral<Text>)
      : value_(std::string(std::forward<Text>(text))) {}

  const std::variant<bool, std::int64_t, double, std::string>& get() const { return value_; }

 private:
  std::variant<bool, std::int64_t, double, std::string> value_;
};

// Shown in this order. A dot in a name makes a group, as in "optimizer.lr".
using RunSettings = std::vector<std::pair<std::string, Setting>>;

}  // namespace accelerate
