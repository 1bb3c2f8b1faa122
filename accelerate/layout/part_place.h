// The place of a parameter in a unit that is cut over the ranks, which determines the elements of
// it that each rank has.
//
//   const PartPlace place{.offset = 16, .numel = 40, .part = 32};
//   place.of_rank(0);  // The elements 0 to 16: those that lie in the first 32 of the unit.
//   place.of_rank(1);  // 16 to 40.
//
// A value that owns no tensors. Not for parameters that every rank has whole.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace accelerate {

// A range of a parameter's elements, in their order in memory.
struct PartRange {
  int64_t begin;
  int64_t end;

  int64_t size() const { return end - begin; }
  bool operator==(const PartRange&) const = default;
};

struct PartPlace {
  // The index of the parameter's first element in the unit.
  int64_t offset;
  int64_t numel;
  // The number of elements of the unit that each rank has, one rank after the other.
  int64_t part;
  // The parameter's strides in the unit, which define the order of its elements.
  std::vector<int64_t> strides = {};

  // The elements that a rank has; empty if it has none of the parameter.
  PartRange of_rank(int rank) const {
    const auto inside = [this](int64_t element) {
      return std::clamp<int64_t>(element - offset, 0, numel);
    };
    return {inside(rank * part), inside((rank + 1) * part)};
  }
  // The index at which these elements begin in the rank's part of the unit.
  int64_t offset_of_rank(int rank) const {
    return std::clamp<int64_t>(offset - rank * part, 0, part);
  }

  bool operator==(const PartPlace&) const = default;
};

}  // namespace accelerate
