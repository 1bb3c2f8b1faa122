// How the parameters of one unit are stored one after the other and cut into one part for each
// rank.
//
//   const UnitLayout unit({640, 10}, /*ranks=*/2, /*alignment=*/16);
//   unit.part();                 // 336 elements of the unit for each rank
//   unit.places()[1].of_rank(1); // all ten elements of the second parameter
//
// A pure value, the same on all ranks for the same arguments. All parts have the same size; what
// the last ranks have beyond the parameters is padding, which is never stored, and a rank may have
// nothing else. Not for parameters of different types or devices, which go into different units.
#pragma once

#include <cstdint>
#include <vector>

#include "accelerate/layout/part_place.h"

namespace accelerate {

class UnitLayout {
 public:
  // `numels` are the parameters' numbers of elements, which may be 0. Every parameter and every
  // part begins at a multiple of `alignment` elements.
  UnitLayout(const std::vector<int64_t>& numels, int ranks, int64_t alignment);

  // The number of elements of the unit with its padding, and of each rank's part.
  int64_t numel() const { return part_ * ranks_; }
  int64_t part() const { return part_; }
  const std::vector<PartPlace>& places() const { return places_; }

 private:
  int ranks_;
  int64_t part_ = 0;
  std::vector<PartPlace> places_;
};

}  // namespace accelerate
