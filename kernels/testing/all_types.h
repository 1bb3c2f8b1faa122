// Runs a test with every type of element.
//
// Example:
//   for_all_types([]<class T>(ElementType type) { check(TestArray<T>(67, 0), type); });
//   for_all_pairs([]<class From, class To>(ElementType from, ElementType to) {
//     check<From, To>(from, to);
//   });
//
// Not for kernels that take only some types.
#pragma once

#include "kernels/types/by_type.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

void for_all_types(auto function) {
  for (const ElementType type :
       {ElementType::kFloat, ElementType::kDouble, ElementType::kHalf, ElementType::kBFloat16}) {
    by_type(type, [&]<class T>() { function.template operator()<T>(type); });
  }
}

void for_all_pairs(auto function) {
  for_all_types([&]<class From>(ElementType from) {
    for_all_types(
        [&]<class To>(ElementType to) { function.template operator()<From, To>(from, to); });
  });
}

}  // namespace accelerate::kernels
