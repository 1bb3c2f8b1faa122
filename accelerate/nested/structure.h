// Describes the part of a value's structure that is only known at run time: sizes of containers,
// keys, active alternatives. Two values of one type with equal descriptions have tensors, numbers
// and strings in the same places.
//
//   std::map<std::string, at::Tensor> value = {{"loss", loss}};
//   std::string text;
//   describe_structure(value, text);  // "{loss}"
//
// Empty for a type with a fixed structure. A vector of numbers or strings counts as one place,
// whatever its length.
#pragma once

#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

#include "accelerate/nested/parts.h"

namespace accelerate::internal {

template <class T>
inline constexpr bool is_vector = false;
template <class T, class Allocator>
inline constexpr bool is_vector<std::vector<T, Allocator>> = true;

// Whether it is a vector that collectives take as a whole.
template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = Number<T> || std::is_same_v<T, std::string>;

template <class Value>
void describe_structure(Value& value, std::string& text);

template <class Value>
void describe_parts(Value& value, std::string& text, const char* end) {
  visit_parts(value, [&text](auto& part) { describe_structure(part, text); });
  text += end;
}

template <class Value>
void describe_structure(Value& value, std::string& text) {
  using T = std::remove_cv_t<Value>;
  if constexpr (TensorLike<T> || HoldsNothing<T> || is_list<T> || !HasParts<T>) {
    return;
  } else if constexpr (NamesItsParts<T>) {
    describe_parts(value, text, "");
  } else if constexpr (is_optional<T>) {
    text += value ? "(" : "(none";
    describe_parts(value, text, ")");
  } else if constexpr (is_variant<T>) {
    text += "alternative " + std::to_string(value.index()) + " (";
    describe_parts(value, text, ")");
  } else if constexpr (Keyed<T>) {
    text += "{ ";
    for (const auto* entry : entries_in_order(value)) text += text_of_key(entry->first) + ' ';
    describe_parts(value, text, "}");
  } else if constexpr (KeyedByItems<T>) {
    text += "{ ";
    for (const auto& item : value) text += text_of_key(item.key()) + ' ';
    describe_parts(value, text, "}");
  } else if constexpr (Sequence<T> && !TupleLike<T>) {
    text += std::to_string(std::distance(value.begin(), value.end())) + " elements [";
    if constexpr (!SequenceOfNothing<T>) describe_parts(value, text, "");
    text += ']';
  } else {
    describe_parts(value, text, "");
  }
}

}  // namespace accelerate::internal
