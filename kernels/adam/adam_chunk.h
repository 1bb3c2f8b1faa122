// A thread's share of a step of Adam on a chunk.
//
// Example:
//   const AdamScalars<float> scalars = adam_scalars<float>(options, step, gradient_factor);
//   adam_chunk(scalars, table.pieces[chunk.piece], chunk, this_worker());
//
// Not for whole arrays: see adam.h and adam_cuda.h.
#pragma once

#include "kernels/adam/adam_element.h"
#include "kernels/adam/adam_piece.h"
#include "kernels/device/piece_table.h"
#include "kernels/device/vector.h"
#include "kernels/simd/host_device.h"
#include "kernels/types/by_type.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {

template <bool kAmsgrad, class Gradient>
ACCELERATE_HOST_DEVICE void adam_chunk_of(const AdamScalars<float>& scalars, const AdamPiece& piece,
                                          const Chunk& chunk, Worker worker) {
  constexpr int kWidth = kVectorWidth<float, Gradient>;
  const auto* gradient = static_cast<const Gradient*>(piece.gradient) + chunk.begin;
  float* parameter = piece.parameter + chunk.begin;
  float* exp_avg = piece.exp_avg + chunk.begin;
  float* exp_avg_sq = piece.exp_avg_sq + chunk.begin;
  // In the place of an array that is not there, one that is.
  float* max_exp_avg_sq = kAmsgrad ? piece.max_exp_avg_sq + chunk.begin : exp_avg_sq;
  const bool aligned =
      are_aligned<kWidth>(gradient, parameter, exp_avg, exp_avg_sq, max_exp_avg_sq);
  for_each_vector<kWidth>(chunk.count, aligned, worker, [&]<int kCount>(int i) {
    const Vector<Gradient, kCount> g = load<kCount>(gradient + i);
    Vector<float, kCount> p = load<kCount>(parameter + i);
    Vector<float, kCount> m = load<kCount>(exp_avg + i);
    Vector<float, kCount> v = load<kCount>(exp_avg_sq + i);
    Vector<float, kCount> max_v = {};
    if constexpr (kAmsgrad) max_v = load<kCount>(max_exp_avg_sq + i);
    for (int k = 0; k < kCount; ++k) {
      adam_element<float, kAmsgrad>(scalars, convert<float>(g.values[k]), p.values[k], m.values[k],
                                    v.values[k], max_v.values[k]);
    }
    store(parameter + i, p);
    store(exp_avg + i, m);
    store(exp_avg_sq + i, v);
    if constexpr (kAmsgrad) store(max_exp_avg_sq + i, max_v);
  });
}

ACCELERATE_HOST_DEVICE void adam_chunk(const AdamScalars<float>& scalars, const AdamPiece& piece,
                                       const Chunk& chunk, Worker worker) {
  by_type(piece.gradient_type, [&]<class Gradient>() {
    if (piece.max_exp_avg_sq == nullptr) {
      adam_chunk_of<false, Gradient>(scalars, piece, chunk, worker);
    } else {
      adam_chunk_of<true, Gradient>(scalars, piece, chunk, worker);
    }
  });
}

}  // namespace accelerate::kernels
