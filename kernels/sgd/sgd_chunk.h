// A thread's share of a step of SGD on a chunk.
//
// Example:
//   const SgdScalars<float> scalars = sgd_scalars<float>(options, first_step, gradient_factor);
//   sgd_chunk(scalars, table.pieces[chunk.piece], chunk, this_worker());
//
// Not for whole arrays: see sgd.h and sgd_cuda.h.
#pragma once

#include "kernels/device/piece_table.h"
#include "kernels/device/vector.h"
#include "kernels/sgd/sgd_element.h"
#include "kernels/sgd/sgd_piece.h"
#include "kernels/simd/host_device.h"
#include "kernels/types/by_type.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {

template <bool kMomentum, class Gradient>
ACCELERATE_HOST_DEVICE void sgd_chunk_of(const SgdScalars<float>& scalars, const SgdPiece& piece,
                                         const Chunk& chunk, Worker worker) {
  constexpr int kWidth = kVectorWidth<float, Gradient>;
  const auto* gradient = static_cast<const Gradient*>(piece.gradient) + chunk.begin;
  float* parameter = piece.parameter + chunk.begin;
  // In the place of an array that is not there, one that is.
  float* momentum_buffer = kMomentum ? piece.momentum_buffer + chunk.begin : parameter;
  const bool aligned = are_aligned<kWidth>(gradient, parameter, momentum_buffer);
  for_each_vector<kWidth>(chunk.count, aligned, worker, [&]<int kCount>(int i) {
    const Vector<Gradient, kCount> g = load<kCount>(gradient + i);
    Vector<float, kCount> p = load<kCount>(parameter + i);
    Vector<float, kCount> b = {};
    if constexpr (kMomentum) b = load<kCount>(momentum_buffer + i);
    for (int k = 0; k < kCount; ++k) {
      sgd_element<float, kMomentum>(scalars, convert<float>(g.values[k]), p.values[k], b.values[k]);
    }
    store(parameter + i, p);
    if constexpr (kMomentum) store(momentum_buffer + i, b);
  });
}

ACCELERATE_HOST_DEVICE void sgd_chunk(const SgdScalars<float>& scalars, const SgdPiece& piece,
                                      const Chunk& chunk, Worker worker) {
  by_type(piece.gradient_type, [&]<class Gradient>() {
    if (piece.momentum_buffer == nullptr) {
      sgd_chunk_of<false, Gradient>(scalars, piece, chunk, worker);
    } else {
      sgd_chunk_of<true, Gradient>(scalars, piece, chunk, worker);
    }
  });
}

}  // namespace accelerate::kernels
