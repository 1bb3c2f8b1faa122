// A thread's share of the norm of a chunk.
//
// Example:
//   const NormResult mine = norm_of_chunk(table.pieces[chunk.piece], chunk, this_worker());
//
// Not for whole arrays: see norm.h and norm_cuda.h.
#pragma once

#include <limits>

#include "kernels/device/piece_table.h"
#include "kernels/device/vector.h"
#include "kernels/norm/norm_element.h"
#include "kernels/norm/norm_piece.h"
#include "kernels/simd/host_device.h"
#include "kernels/types/by_type.h"

namespace accelerate::kernels {

template <class T>
ACCELERATE_HOST_DEVICE NormResult norm_of_element(T value) {
  const T infinity = convert<T>(std::numeric_limits<float>::infinity());
  return {squared_element(value), magnitude_bits(value) < magnitude_bits(infinity)};
}

// Takes the same elements in the same order at any address, so that equal arrays have equal norms.
// That is why this does not use for_each_vector().
ACCELERATE_HOST_DEVICE NormResult norm_of_chunk(const NormPiece& piece, const Chunk& chunk,
                                                Worker worker) {
  return by_type(piece.type, [&]<class T>() {
    constexpr int kWidth = kVectorWidth<T>;
    const T* data = static_cast<const T*>(piece.data) + chunk.begin;
    const bool aligned = are_aligned<kWidth>(data);
    NormResult result;
    for (int i = worker.index * kWidth; i < chunk.count; i += worker.count * kWidth) {
      if (aligned && i + kWidth <= chunk.count) {
        const Vector<T, kWidth> vector = load<kWidth>(data + i);
        for (int k = 0; k < kWidth; ++k) result = result + norm_of_element(vector.values[k]);
      } else {
        for (int k = i; k < chunk.count && k < i + kWidth; ++k) {
          result = result + norm_of_element(data[k]);
        }
      }
    }
    return result;
  });
}

}  // namespace accelerate::kernels
