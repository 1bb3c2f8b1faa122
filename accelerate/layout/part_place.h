// Where a parameter lies in a unit that is cut over the ranks, and so which of its elements each
// rank has.
//
//   const PartPlace place{.offset = 16, .numel = 40, .part = 32};
//   place.of_rank(0);  // The elements 0 to 16: those that lie in the first 32 of the unit.
//   place.of_rank(1);  // 16 to 40.
//
// A value, without any memory. Not for what every rank has whole.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace accelerate {

// Elements of a parameter, in the order in which they lie in memory.
struct PartRange {
  int64_t begin;
  int64_t end;

  int64_t size() const { return end - begin; }
  bool operator==(const PartRange&) const = default;
};

struct PartPlace {
  // Of the parameter's first element in the unit.
  int64_t offset;
  int64_t numel;
  // How many elements of the unit each rank has, one rank behind the other.
  int64_t part;
  // The parameter's there: the order in which its elements are counted.
  std::vector<int64_t> strides = {};

  // Empty where none of the parameter is that rank's.
  PartRange of_rank(int rank) const {
    const auto inside = [this](int64_t element) {
      return std::clamp<int64_t>(element - offset, 0, numel);
    };
    return {inside(rank * part), inside((rank + 1) * part)};
  }
  // Where that part begins in what the rank has of the unit.
  int64_t offset_of_rank(int rank) const {
    return std::clamp<int64_t>(offset - rank * part, 0, part);
  }

  bool operator==(const PartPlace&) const = default;
};

}  // namespace accelerate
