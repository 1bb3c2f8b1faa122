// Operations on numbers and strings of the host across ranks, like those of operations.h on
// tensors. All ranks must call them in the same order, with values of the same type.
//
//   const std::vector<double> losses = gather(communicator, std::vector<double>{loss});
//   const std::vector<int64_t> sums = reduce(communicator, counts, ReduceOp::kSum, /*scale=*/1);
//
// Not for values of every step, which are tensors already: these operations wait for all ranks.
#pragma once

#include <c10/util/Exception.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "accelerate/comm/communicator.h"

namespace accelerate {

// Throws c10::Error on every rank, with all descriptions, if the descriptions differ. For values
// that are combined part by part.
void check_alike(Communicator& communicator, const char* operation, const std::string& description);

// Every rank's strings, concatenated in rank order, on every rank.
std::vector<std::string> gather(Communicator& communicator, const std::vector<std::string>& values);

// The root's strings, on every rank.
std::vector<std::string> broadcast(Communicator& communicator,
                                   const std::vector<std::string>& values, int root);

namespace internal {

template <class Number>
std::string bytes_of(const std::vector<Number>& numbers) {
  static_assert(std::is_trivially_copyable_v<Number>);
  std::string bytes(numbers.size() * sizeof(Number), '\0');
  for (size_t i = 0; i < numbers.size(); ++i) {
    const Number number = numbers[i];
    std::memcpy(bytes.data() + i * sizeof(Number), &number, sizeof(Number));
  }
  return bytes;
}

template <class Number>
void append_numbers(const std::string& bytes, std::vector<Number>& numbers) {
  for (size_t i = 0; i + sizeof(Number) <= bytes.size(); i += sizeof(Number)) {
    Number number;
    std::memcpy(&number, bytes.data() + i, sizeof(Number));
    numbers.push_back(number);
  }
}

// Reduces numbers of the widest type of their kind: double, int64_t, or uint64_t, which also holds
// bools.
template <class Wide>
std::vector<Wide> reduce_wide(Communicator& communicator, const std::vector<Wide>& numbers,
                              ReduceOp op, double scale);

template <class Number>
using Widest = std::conditional_t<std::is_floating_point_v<Number>, double,
                                  std::conditional_t<std::is_signed_v<Number>, int64_t, uint64_t>>;

}  // namespace internal

// Every rank's numbers, concatenated in rank order, on every rank.
template <class Number>
std::vector<Number> gather(Communicator& communicator, const std::vector<Number>& numbers) {
  std::vector<Number> all;
  for (const std::string& bytes : communicator.all_gather_bytes(internal::bytes_of(numbers)))
    internal::append_numbers(bytes, all);
  return all;
}

// The root's numbers, on every rank.
template <class Number>
std::vector<Number> broadcast(Communicator& communicator, const std::vector<Number>& numbers,
                              int root) {
  std::vector<Number> result;
  internal::append_numbers(communicator.broadcast_bytes(internal::bytes_of(numbers), root), result);
  return result;
}

// Reduces number by number over the ranks and multiplies by `scale`; the sum of bools is whether
// any is true. Every rank throws c10::Error if the ranks have different numbers of values, or if a
// result does not fit the type: a mean or scale of integers, a sum that is too large.
template <class Number>
std::vector<Number> reduce(Communicator& communicator, const std::vector<Number>& numbers,
                           ReduceOp op, double scale) {
  using Wide = internal::Widest<Number>;
  if constexpr (std::is_same_v<Number, bool>) {
    if (op == ReduceOp::kSum) op = ReduceOp::kMax;
  }
  const std::vector<Wide> wide = internal::reduce_wide<Wide>(
      communicator, std::vector<Wide>(numbers.begin(), numbers.end()), op, scale);
  if constexpr (!std::is_floating_point_v<Number>) {
    for (const Wide number : wide) {
      TORCH_CHECK(static_cast<Wide>(static_cast<Number>(number)) == number, "reduce: the result ",
                  number, " does not fit into the numbers' type; use int64_t or double");
    }
  }
  return {wide.begin(), wide.end()};
}

}  // namespace accelerate
