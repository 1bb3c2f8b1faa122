#include "accelerate/sharding/unit_layout.h"

namespace accelerate {
namespace {

int64_t round_up(int64_t number, int64_t multiple) {
  return (number + multiple - 1) / multiple * multiple;
}

}  // namespace

UnitLayout::UnitLayout(const std::vector<int64_t>& numels, int ranks, int64_t alignment)
    : ranks_(ranks) {
  int64_t end = 0;
  for (const int64_t numel : numels) {
    places_.push_back({.offset = end, .numel = numel, .part = 0, .strides = {}});
    end += round_up(numel, alignment);
  }
  part_ = round_up(end, ranks * alignment) / ranks;
  for (PartPlace& place : places_) place.part = part_;
}

}  // namespace accelerate
