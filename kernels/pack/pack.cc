#include "kernels/pack/pack.h"

#include <cstring>

#include "kernels/pack/pack_loops.h"
#include "kernels/scale/scale.h"
#include "kernels/simd/by_level.h"

namespace accelerate::kernels {

void pack(const PackPiece& piece, ElementType destination_type, SimdLevel level) {
  // An empty tensor has no address, which the functions of <cstring> do not allow.
  if (piece.count == 0) return;
  const int64_t bytes = piece.count * size_of(destination_type);
  if (piece.source == nullptr) {
    std::memset(piece.destination, 0, bytes);
  } else if (piece.source == piece.destination) {
    scale(piece.destination, destination_type, piece.count, piece.factor, level);
  } else if (piece.factor == 1 && piece.source_type == destination_type) {
    std::memcpy(piece.destination, piece.source, bytes);
  } else {
    by_level(level, [&]<SimdLevel kLevel>() { pack_loop<kLevel>(piece, destination_type); });
  }
}

}  // namespace accelerate::kernels
