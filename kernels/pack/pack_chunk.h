// A thread's share of packing a chunk.
//
// Example:
//   pack_chunk<Half>(table.pieces[chunk.piece], chunk, this_worker());
//
// Not for whole arrays: see pack.h and pack_cuda.h.
#pragma once

#include <type_traits>

#include "kernels/device/piece_table.h"
#include "kernels/device/vector.h"
#include "kernels/pack/pack.h"
#include "kernels/scale/scale_element.h"
#include "kernels/simd/host_device.h"
#include "kernels/types/by_type.h"

namespace accelerate::kernels {

template <class To, class From, class Function>
ACCELERATE_HOST_DEVICE void transform_elements(const From* source, To* destination, int count,
                                               Worker worker, Function function) {
  constexpr int kWidth = kVectorWidth<To, From>;
  const bool aligned = are_aligned<kWidth>(source, destination);
  for_each_vector<kWidth>(count, aligned, worker, [&]<int kCount>(int i) {
    const Vector<From, kCount> from = load<kCount>(source + i);
    Vector<To, kCount> to;
    for (int k = 0; k < kCount; ++k) to.values[k] = function(from.values[k]);
    store(destination + i, to);
  });
}

template <class To>
ACCELERATE_HOST_DEVICE void clear_elements(To* destination, int count, Worker worker) {
  constexpr int kWidth = kVectorWidth<To>;
  const bool aligned = are_aligned<kWidth>(destination);
  for_each_vector<kWidth>(count, aligned, worker,
                          [&]<int kCount>(int i) { store(destination + i, Vector<To, kCount>{}); });
}

template <class To>
ACCELERATE_HOST_DEVICE void pack_chunk(const PackPiece& piece, const Chunk& chunk, Worker worker) {
  To* destination = static_cast<To*>(piece.destination) + chunk.begin;
  if (piece.source == nullptr) return clear_elements(destination, chunk.count, worker);
  by_type(piece.source_type, [&]<class From>() {
    const From* source = static_cast<const From*>(piece.source) + chunk.begin;
    if constexpr (std::is_same_v<To, From>) {
      if (piece.factor == 1) {
        // Without any arithmetic, which would change the bits of a NaN.
        if (source == destination) return;
        return transform_elements(source, destination, chunk.count, worker,
                                  [](From value) { return value; });
      }
    }
    const auto factor = static_cast<ScaleFactor<To, From>>(piece.factor);
    transform_elements(source, destination, chunk.count, worker,
                       [factor](From value) { return scale_element<To>(value, factor); });
  });
}

}  // namespace accelerate::kernels
