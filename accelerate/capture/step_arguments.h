// The arguments of a captured step, as it sees them: their tensors, which are new in each replay,
// and everything else, which a recording holds as it was, so that it distinguishes one kind of
// calls from another.
//
//   StepArguments arguments;
//   internal::ArgumentReader reader{arguments};
//   internal::visit_leaves(batch, reader);
//
// Supported are numbers, enums, strings, optional, variant, containers, pair, tuple,
// torch::data::Example and plain structs. A type that may hide something else, such as a pointer or
// a class with private members, does not compile. Part of CapturedStep; not for others.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/complex.h>
#include <torch/data/example.h>

#include <complex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "accelerate/nested/visit_tensors.h"

namespace accelerate {

struct StepArguments {
  std::vector<at::Tensor> tensors = {};
  // The bytes of everything else, with the index of each variant and the number of elements of each
  // container.
  std::string rest = {};
};

namespace internal {

template <class T>
inline constexpr bool is_plain_value = std::is_arithmetic_v<T> || std::is_enum_v<T>;
template <class T>
inline constexpr bool is_plain_value<std::complex<T>> = true;
template <class T>
inline constexpr bool is_plain_value<c10::complex<T>> = true;

template <class T>
inline constexpr bool is_optional_leaf = false;
template <class T>
inline constexpr bool is_optional_leaf<std::optional<T>> = true;
template <class T>
inline constexpr bool is_variant_leaf = false;
template <class... T>
inline constexpr bool is_variant_leaf<std::variant<T...>> = true;
template <class T>
inline constexpr bool is_example = false;
template <class Data, class Target>
inline constexpr bool is_example<torch::data::Example<Data, Target>> = true;

template <class T>
concept TextLeaf = std::is_convertible_v<const T&, std::string_view>;

template <class T>
concept KeyedLeaves = requires(T& value) {
  typename T::mapped_type;
  value.begin()->first;
  value.begin()->second;
};

template <class T>
concept RowOfLeaves = requires(T& value) {
  typename T::value_type;
  value.begin();
  value.end();
  value.size();
};

template <class T>
concept TupleOfLeaves = requires {
  std::tuple_size<T>::value;
};

template <class T>
inline constexpr bool is_unseen = true;

// Calls `visitor.tensor(at::Tensor&)` and `visitor.rest(const void*, size_t)` for the parts of the
// value.
template <class Value, class Visitor>
void visit_leaves(Value& value, Visitor& visitor) {
  using T = std::remove_cv_t<Value>;
  const auto visit = [&visitor](auto& part) { visit_leaves(part, visitor); };
  const auto note = [&visitor](auto number) { visitor.rest(&number, sizeof(number)); };
  if constexpr (std::is_base_of_v<at::Tensor, T>) {
    visitor.tensor(value);
  } else if constexpr (is_plain_value<T>) {
    note(value);
  } else if constexpr (TextLeaf<T>) {
    const std::string_view text = value;
    note(text.size());
    visitor.rest(text.data(), text.size());
  } else if constexpr (std::is_empty_v<T> || std::is_null_pointer_v<T>) {
    return;
  } else if constexpr (is_optional_leaf<T>) {
    note(value.has_value());
    if (value) visit(*value);
  } else if constexpr (is_variant_leaf<T>) {
    note(value.index());
    if (!value.valueless_by_exception()) std::visit(visit, value);
  } else if constexpr (KeyedLeaves<T>) {
    note(value.size());
    for (auto& entry : value) visit(entry.first), visit(entry.second);
  } else if constexpr (RowOfLeaves<T>) {
    note(value.size());
    if constexpr (is_plain_value<typename T::value_type>) {
      for (const typename T::value_type each : value) note(each);
    } else {
      for (auto& element : value) visit(element);
    }
  } else if constexpr (TupleOfLeaves<T>) {
    std::apply([&visit](auto&... elements) { (visit(elements), ...); }, value);
  } else if constexpr (is_example<T>) {
    visit(value.data);
    if constexpr (requires { value.target; }) visit(value.target);
  } else if constexpr (std::is_class_v<T> && std::is_aggregate_v<T>) {
    visit_members(value, visit);
  } else {
    static_assert(
        !is_unseen<T>,
        "a captured step cannot look into an argument or result of this type (a pointer, "
        "a class with private members), so its content would remain what it was when "
        "the step was recorded: pass its tensors and numbers, by themselves or in a plain "
        "struct, or let the step capture a reference to it if it never changes");
  }
}

struct ArgumentReader {
  StepArguments& arguments;
  void tensor(const at::Tensor& tensor) { arguments.tensors.push_back(tensor); }
  void rest(const void* bytes, size_t size) {
    arguments.rest.append(static_cast<const char*>(bytes), size);
  }
};

// Replaces each defined tensor by what the function returns for it.
template <class Function>
struct TensorReplacer {
  Function function;
  void tensor(at::Tensor& tensor) {
    if (tensor.defined()) tensor = function(tensor);
  }
  void rest(const void*, size_t) {}
};

template <class Value, class Function>
void replace_tensors(Value& value, Function function) {
  TensorReplacer<Function> replacer{std::move(function)};
  visit_leaves(value, replacer);
}

}  // namespace internal
}  // namespace accelerate
