// Lists the tensors inside a value, with names by which a person can find them: keys of maps,
// `data` and `target` of an example, and otherwise the index of the part, from 0.
//
//   std::map<std::string, std::vector<at::Tensor>> value = {{"images", {left, right}}};
//   accelerate::named_tensors(value);  // {"images/0", left}, {"images/1", right}
//
// A value that is itself a tensor gets the name `tensor`. Undefined tensors are left out. It sees
// through the same types as visit_tensors(). Not for telling whether two values have the same
// structure: use structure.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "accelerate/nested/parts.h"

namespace accelerate {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

namespace internal {

inline std::string joined_path(const std::string& path, const std::string& part) {
  return path.empty() ? part : path + "/" + part;
}

template <class Value>
void add_named_tensors(Value& value, const std::string& path, NamedTensors& result) {
  using T = std::remove_cv_t<Value>;
  size_t place = 0;
  // A part without a name is called by its index.
  const auto add = [&](const std::string& name, auto& part) {
    add_named_tensors(part, joined_path(path, name.empty() ? std::to_string(place) : name), result);
    ++place;
  };
  if constexpr (TensorLike<T>) {
    if (value.defined()) result.emplace_back(path.empty() ? "tensor" : path, value);
  } else if constexpr (HoldsNothing<T> || SequenceOfNothing<T> || !HasParts<T>) {
    return;
  } else if constexpr (NamesItsParts<T>) {
    visit_parts(value, [&](auto& part) { add("", part); });
  } else if constexpr (is_optional<T> || is_variant<T>) {
    visit_parts(value, [&](auto& part) { add_named_tensors(part, path, result); });
  } else if constexpr (Keyed<T>) {
    for (auto* entry : entries_in_order(value)) add(text_of_key(entry->first), entry->second);
  } else if constexpr (KeyedByItems<T>) {
    for (auto& item : value) add(text_of_key(item.key()), item.value());
  } else if constexpr (!TupleLike<T> && !Sequence<T> && OnlyDataAndTarget<T>) {
    add("data", value.data);
    add("target", value.target);
  } else if constexpr (!TupleLike<T> && !Sequence<T> && OnlyData<T>) {
    add("data", value.data);
  } else {
    visit_parts(value, [&](auto& part) { add("", part); });
  }
}

}  // namespace internal

template <class Value>
NamedTensors named_tensors(Value& value) {
  NamedTensors result;
  internal::add_named_tensors(value, "", result);
  return result;
}

}  // namespace accelerate
