// A process's part of a value, entry by entry; see Accelerator::split_between_processes().
//
// Part of the Accelerator; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "accelerate/nested/structure.h"
#include "accelerate/process/process_share.h"

namespace accelerate {

struct SplitOptions {
  // Repeats the last element so that all processes get the same number of elements.
  bool apply_padding = false;
};

namespace internal {

// Splits the entries of one value, which must all have the same length.
class Splitting {
 public:
  explicit Splitting(const ProcessShareOptions& options) : options_(options) {}

  // The part of an entry of this length. Throws c10::Error if earlier entries had another length.
  const ProcessShare& share_of(int64_t length);
  // Splits along dimension 0; leaves an undefined tensor unchanged.
  void tensor(at::Tensor& value);
  template <class Element, class Allocator>
  void list(std::vector<Element, Allocator>& values) {
    const ProcessShare& share = share_of(static_cast<int64_t>(values.size()));
    std::vector<Element, Allocator> repeated(values.get_allocator());
    if (share.padding > 0) {
      if constexpr (std::copy_constructible<Element>) {
        const Element last = values.back();
        repeated.assign(share.padding, last);
      } else {
        refuse_padding();
      }
    }
    values.erase(values.begin() + share.begin + share.size, values.end());
    values.erase(values.begin(), values.begin() + share.begin);
    if constexpr (std::copy_constructible<Element>)
      values.insert(values.end(), repeated.begin(), repeated.end());
  }

 private:
  [[noreturn]] static void refuse_padding();

  ProcessShareOptions options_;
  std::optional<int64_t> length_;
  ProcessShare share_;
};

template <class Value>
void split_parts(Value& value, Splitting& splitting) {
  using T = std::remove_cv_t<Value>;
  static_assert(!std::is_const_v<Value>,
                "split_between_processes() cannot replace what is const: hold it without const");
  if constexpr (TensorLike<T>) {
    splitting.tensor(value);
  } else if constexpr (is_vector<T>) {
    splitting.list(value);
  } else if constexpr (HasParts<T> && !Text<T> && (!Sequence<T> || Keyed<T> || TupleLike<T>)) {
    visit_parts(value, [&splitting](auto& part) { split_parts(part, splitting); });
  } else {
    static_assert(
        never<T>,
        "split_between_processes() splits tensors and std::vectors, and maps, pairs, tuples and "
        "plain structs of them: make another container a std::vector, and leave numbers and "
        "strings that are not to be split out of the value");
  }
}

template <class Value>
Value split(Value value, const ProcessShareOptions& options) {
  Splitting splitting(options);
  split_parts(value, splitting);
  return value;
}

}  // namespace internal
}  // namespace accelerate
