// Calls a function on every tensor inside a value: the value itself when it is a tensor, and
// otherwise what it holds, to any depth. A model's output, a batch and an argument of gather() are
// all seen this way.
//
//   struct Output { at::Tensor logits; std::vector<at::Tensor> hidden; int64_t length; };
//   accelerate::visit_tensors(output, [](at::Tensor& tensor) { tensor = tensor.to(at::kFloat); });
//
// Seen through: vector, array, pair, tuple, optional, map, unordered_map, types with `data` and
// `target` members (torch::data::Example), and plain structs (aggregates without base classes) of
// up to eight members. Everything else, numbers and strings among them, is left alone. Not for
// classes with private tensors: give those a function that returns a tuple of references.
//
// Undefined tensors are passed to the function too. Not synchronised: the value must not be shared.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace accelerate {

template <class Value, class Function>
void visit_tensors(Value& value, Function&& function);

namespace internal {

// Converts to any member's type, for counting the members of an aggregate.
struct AnyMember {
  template <class T>
  operator T() const;
};

template <class T, class... Members>
constexpr size_t count_members() {
  if constexpr (sizeof...(Members) < 8 && requires { T{Members{}..., AnyMember{}}; }) {
    return count_members<T, Members..., AnyMember>();
  } else {
    return sizeof...(Members);
  }
}

template <class T>
concept PlainStruct = std::is_class_v<T> && std::is_aggregate_v<T> && !requires {
  T{AnyMember{}, AnyMember{}, AnyMember{}, AnyMember{}, AnyMember{},
    AnyMember{}, AnyMember{}, AnyMember{}, AnyMember{}};
};

template <class T>
concept HasData = requires(T& value) {
  value.data;
};

template <class T>
concept HasTarget = requires(T& value) {
  value.target;
};

template <class T>
concept Keyed = requires(T& value) {
  typename T::key_type;
  typename T::mapped_type;
  value.begin()->second;
};

template <class T>
concept Sequence = requires(T& value) {
  typename T::value_type;
  value.begin();
  value.end();
}
&&!std::is_convertible_v<T, std::string_view>;

template <class T>
concept TupleLike = requires {
  std::tuple_size<T>::value;
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T, class Visit>
void visit_members(T& value, Visit& visit) {
  constexpr size_t count = count_members<T>();
  auto each = [&visit](auto&... members) { (visit(members), ...); };
  if constexpr (count == 1) {
    auto& [a] = value;
    each(a);
  } else if constexpr (count == 2) {
    auto& [a, b] = value;
    each(a, b);
  } else if constexpr (count == 3) {
    auto& [a, b, c] = value;
    each(a, b, c);
  } else if constexpr (count == 4) {
    auto& [a, b, c, d] = value;
    each(a, b, c, d);
  } else if constexpr (count == 5) {
    auto& [a, b, c, d, e] = value;
    each(a, b, c, d, e);
  } else if constexpr (count == 6) {
    auto& [a, b, c, d, e, f] = value;
    each(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    auto& [a, b, c, d, e, f, g] = value;
    each(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    auto& [a, b, c, d, e, f, g, h] = value;
    each(a, b, c, d, e, f, g, h);
  }
}

}  // namespace internal

template <class Value, class Function>
void visit_tensors(Value& value, Function&& function) {
  auto visit = [&function](auto& part) { visit_tensors(part, function); };
  if constexpr (std::is_same_v<Value, at::Tensor> || std::is_base_of_v<at::Tensor, Value>) {
    function(static_cast<at::Tensor&>(value));
  } else if constexpr (!std::is_class_v<Value>) {
    return;
  } else if constexpr (internal::is_optional<Value>) {
    if (value) visit(*value);
  } else if constexpr (internal::Keyed<Value>) {
    for (auto& entry : value) visit(entry.second);
  } else if constexpr (internal::Sequence<Value>) {
    if constexpr (!std::is_arithmetic_v<typename Value::value_type>) {
      for (auto& element : value) visit(element);
    }
  } else if constexpr (internal::TupleLike<Value>) {
    std::apply([&visit](auto&... elements) { (visit(elements), ...); }, value);
  } else if constexpr (internal::PlainStruct<Value>) {
    internal::visit_members(value, visit);
  } else if constexpr (internal::HasData<Value>) {
    visit(value.data);
    if constexpr (internal::HasTarget<Value>) visit(value.target);
  }
}

}  // namespace accelerate
