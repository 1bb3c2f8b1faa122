#include "kernels/pack/pack_loops.h"

#include <cstdint>

#include "kernels/scale/scale_element.h"
#include "kernels/simd/this_level.h"
#include "kernels/types/by_type.h"

namespace accelerate::kernels {
namespace {

template <class To, class From>
void pack_elements(const From* __restrict source, To* __restrict destination, int64_t count,
                   ScaleFactor<To, From> factor) {
  for (int64_t i = 0; i < count; ++i) destination[i] = scale_element<To>(source[i], factor);
}

}  // namespace

template <>
void pack_loop<kThisLevel>(const PackPiece& piece, ElementType destination_type) {
  by_type(piece.source_type, [&]<class From>() {
    by_type(destination_type, [&]<class To>() {
      pack_elements(static_cast<const From*>(piece.source), static_cast<To*>(piece.destination),
                    piece.count, static_cast<ScaleFactor<To, From>>(piece.factor));
    });
  });
}

}  // namespace accelerate::kernels
