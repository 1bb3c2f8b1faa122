// The parts of a value: the elements of a container, the members of a struct. visit_tensors() and
// the collectives use it to walk over values.
//
// A class with private members, or a class that you cannot change, lists its parts in a function:
//
//   class Output {
//     friend auto accelerate_parts(Output& output) { return std::tie(output.logits_); }
//     at::Tensor logits_;
//   };
//
// or in a free function of that name in the namespace of the class. An empty tuple means that it
// has no parts of interest: `std::tuple<> accelerate_parts(Label&) { return {}; }`.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "accelerate/nested/members.h"

namespace accelerate::internal {

// For a static_assert() that fails only if it is instantiated.
template <class T>
inline constexpr bool never = false;

// ---- Types without parts

template <class T>
concept TensorLike = std::is_base_of_v<at::Tensor, T>;

template <class T>
concept Number = std::is_arithmetic_v<T> || std::is_enum_v<T>;

template <class T>
concept Text = std::is_convertible_v<const T&, std::string_view> ||
    std::is_convertible_v<const T&, std::string>;

template <class T>
inline constexpr bool is_harmless_pointer = std::is_null_pointer_v<T>;
template <class T>
inline constexpr bool is_harmless_pointer<T*> =
    std::is_void_v<T> || std::is_arithmetic_v<T> || std::is_function_v<T>;

// ---- Types with parts

template <class T>
concept NamesItsParts = requires(T& value) {
  accelerate_parts(value);
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
// A unique_ptr is the only owner of its object, so the object may be changed.
template <class T, class Deleter>
inline constexpr bool is_optional<std::unique_ptr<T, Deleter>> = !std::is_array_v<T>;

template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;

template <class T>
inline constexpr bool is_reference_wrapper = false;
template <class T>
inline constexpr bool is_reference_wrapper<std::reference_wrapper<T>> = true;

template <class T>
concept Keyed = requires(T& value) {
  typename T::key_type;
  typename T::mapped_type;
  value.begin()->second;
};

// torch::OrderedDict
template <class T>
concept KeyedByItems = requires(T& value) {
  typename T::Item;
  value.begin()->key();
  value.begin()->value();
};

// Its elements must exist in memory, unlike those of c10::List.
template <class T>
concept Sequence = requires(T& value) {
  typename T::value_type;
  value.end();
  { *value.begin() } -> std::convertible_to<const typename T::value_type&>;
  requires std::is_lvalue_reference_v<decltype(*value.begin())> ||
      std::is_arithmetic_v<typename T::value_type>;
};

template <class T>
concept TupleLike = requires {
  std::tuple_size<T>::value;
};

// ---- A class with a constructor whose only members are `data` and `target`, or `data` alone, such
// as torch::data::Example

template <class Data, class Target>
struct DataAndTarget {
  Data data;
  Target target;
};

template <class T>
concept OnlyData = requires(T& value) {
  requires sizeof(T) == sizeof(value.data);
};

template <class T>
concept OnlyDataAndTarget = requires(T& value) {
  requires sizeof(T) == sizeof(DataAndTarget<decltype(value.data), decltype(value.target)>);
};

template <class T>
concept Struct = std::is_class_v<T> && std::is_aggregate_v<T>;

// Whether visit_parts() takes a value of this type.
template <class T>
concept HasParts =
    NamesItsParts<T> || is_optional<T> || is_variant<T> || Keyed<T> || KeyedByItems<T> ||
    Sequence<T> || TupleLike<T> || Struct<T> || OnlyData<T> || OnlyDataAndTarget<T>;

// Whether a value of this type certainly holds no tensor: a type that owns one is not trivially
// copyable.
template <class T>
concept HoldsNothing = Number<T> || Text<T> || is_harmless_pointer<T> ||
    std::is_same_v<T, c10::Scalar> ||(!HasParts<T> && !is_reference_wrapper<T> &&
                                      !std::is_pointer_v<T> && std::is_trivially_copyable_v<T>);

template <class T>
concept SequenceOfNothing = Sequence<T> && HoldsNothing<typename T::value_type>;

// The entries of a map in an order that does not depend on the order of insertion, so it is the
// same on all ranks.
template <class Map>
auto entries_in_order(Map& map) {
  using Entry = std::remove_reference_t<decltype(*map.begin())>;
  std::vector<Entry*> entries;
  for (Entry& entry : map) entries.push_back(&entry);
  if constexpr (requires { map.bucket_count(); }) {
    static_assert(
        requires { map.begin()->first < map.begin()->first; },
        "accelerate cannot put the keys of this unordered map in order; give them an operator<, or "
        "use a std::map");
    std::sort(entries.begin(), entries.end(),
              [](const Entry* a, const Entry* b) { return a->first < b->first; });
  }
  return entries;
}

// Returns an empty text for keys that are neither texts, nor numbers, nor tuples of such.
template <class Key>
std::string text_of_key(const Key& key) {
  if constexpr (std::is_convertible_v<const Key&, std::string>) {
    return static_cast<std::string>(key);
  } else if constexpr (std::is_arithmetic_v<Key>) {
    return std::to_string(key);
  } else if constexpr (std::is_enum_v<Key>) {
    return std::to_string(static_cast<std::underlying_type_t<Key>>(key));
  } else if constexpr (TupleLike<Key>) {
    std::string text = "(";
    std::apply([&text](const auto&... parts) { ((text += text_of_key(parts) + ","), ...); }, key);
    text.back() = ')';
    return text;
  } else {
    return {};
  }
}

// Calls the function on each part, in an order that is the same on all ranks.
template <class Value, class Visit>
void visit_parts(Value& value, Visit&& visit) {
  using T = std::remove_cv_t<Value>;
  if constexpr (NamesItsParts<T>) {
    std::apply([&visit](auto&... parts) { (visit(parts), ...); }, accelerate_parts(value));
  } else if constexpr (is_optional<T>) {
    if (value) visit(*value);
  } else if constexpr (is_variant<T>) {
    if (!value.valueless_by_exception()) std::visit([&visit](auto& held) { visit(held); }, value);
  } else if constexpr (Keyed<T>) {
    if constexpr (requires { value.bucket_count(); }) {
      for (auto* entry : entries_in_order(value)) visit(entry->second);
    } else {
      for (auto& entry : value) visit(entry.second);
    }
  } else if constexpr (KeyedByItems<T>) {
    for (auto& item : value) visit(item.value());
  } else if constexpr (Sequence<T>) {
    for (auto&& element : value) visit(element);
  } else if constexpr (TupleLike<T>) {
    std::apply([&visit](auto&... elements) { (visit(elements), ...); }, value);
  } else if constexpr (Struct<T>) {
    visit_members(value, visit);
  } else if constexpr (OnlyDataAndTarget<T>) {
    visit(value.data);
    visit(value.target);
  } else {
    static_assert(OnlyData<T>);
    visit(value.data);
  }
}

}  // namespace accelerate::internal
