// The arithmetic of an optimizer's step on a GPU: what a kernel is told about a parameter, what it
// keeps for it, and a thread's share of a chunk.
//
// Example:
//   OptimizerSlot<Adam> slot;
//   begin_piece(options, *step, piece, slot);
//   step_chunk<float>(slot, piece, chunk, this_worker());
//
// Not for whole arrays: see optimizer_step.h and optimizer_cuda.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "kernels/device/piece_table.h"
#include "kernels/device/vector.h"
#include "kernels/optimizer/moment_rounding.h"
#include "kernels/optimizer/rule.h"
#include "kernels/simd/host_device.h"
#include "kernels/step/step.h"
#include "kernels/types/by_type.h"
#include "kernels/types/convert.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

// One of the parameters of a step. Not for parameters of 16 bits: step their copy in float instead.
template <OptimizerRule Rule>
struct OptimizerPiece {
  float* parameter = nullptr;
  const void* gradient = nullptr;
  ElementType gradient_type = ElementType::kFloat;
  void* state[Rule::kStates] = {};  // As in OptimizerArrays, or in RoundedArrays.
  int64_t count = 0;                // Elements.
  int32_t group = 0;                // Which of the launch's options are its own.
  int32_t slot = 0;                 // Which of the launch's slots is its own.
};

// What is the same for all elements of one parameter in a step. Each parameter has its own, stored
// where the parameter is, because LibTorch counts the steps of each parameter separately.
template <OptimizerRule Rule>
struct OptimizerSlot {
  // Steps so far in which the parameter had a state. Steps with an overflow do not count.
  int64_t number = 0;
  uint64_t seed = 0;  // From parameter_seed(), for moments in bfloat16.
  typename Rule::template Scalars<float> scalars = {};
  RoundingKey key = {};
};

// Counts the step.
template <OptimizerRule Rule>
ACCELERATE_HOST_DEVICE void begin_piece(const typename Rule::Options& options, const Step& step,
                                        const OptimizerPiece<Rule>& piece,
                                        OptimizerSlot<Rule>& slot) {
  if (step.overflow != 0) return;
  bool has_state = false;
  for (const void* array : piece.state) has_state |= array != nullptr;
  slot.number += has_state;
  slot.scalars = Rule::template scalars<float>(options, slot.number, step.gradient_factor);
  slot.key = rounding_key(slot.seed, slot.number);
}

template <int kCount, class T>
ACCELERATE_HOST_DEVICE Vector<float, kCount> load_floats(const T* from) {
  const Vector<T, kCount> vector = load<kCount>(from);
  Vector<float, kCount> floats;
  for (int k = 0; k < kCount; ++k) floats.values[k] = convert<float>(vector.values[k]);
  return floats;
}

// If T is BFloat16, `moment` is the index of the moment.
template <class T, int kCount>
ACCELERATE_HOST_DEVICE void store_rounded(T* to, const Vector<float, kCount>& floats,
                                          const Vector<RandomBits, kCount>& random, int moment) {
  Vector<T, kCount> vector;
  for (int k = 0; k < kCount; ++k)
    assign(vector.values[k], floats.values[k], random.values[k].of(moment));
  store(to, vector);
}

template <OptimizerRule Rule, class Gradient, class Moment, bool... kPresent, std::size_t... kState>
ACCELERATE_HOST_DEVICE void step_chunk_of(const OptimizerSlot<Rule>& slot,
                                          const OptimizerPiece<Rule>& piece, const Chunk& chunk,
                                          Worker worker, std::index_sequence<kState...>) {
  constexpr int kWidth = kVectorWidth<float, Gradient>;
  const auto* gradient = static_cast<const Gradient*>(piece.gradient) + chunk.begin;
  float* parameter = piece.parameter + chunk.begin;
  // An array that is missing is replaced by one that exists.
  void* const state[] = {
      (kHasState<Rule, kState, kPresent...>
           ? static_cast<StateElement<Rule, kState, Moment>*>(piece.state[kState]) + chunk.begin
           : static_cast<void*>(parameter))...};
  const bool aligned = are_aligned<kWidth>(
      gradient, parameter, static_cast<StateElement<Rule, kState, Moment>*>(state[kState])...);
  for_each_vector<kWidth>(chunk.count, aligned, worker, [&]<int kCount>(int i) {
    const Vector<Gradient, kCount> g = load<kCount>(gradient + i);
    Vector<float, kCount> p = load<kCount>(parameter + i);
    Vector<float, kCount> s[Rule::kStates] = {};
    ((kHasState<Rule, kState, kPresent...>
          ? void(s[kState] = load_floats<kCount>(
                     static_cast<const StateElement<Rule, kState, Moment>*>(state[kState]) + i))
          : void()),
     ...);
    Vector<RandomBits, kCount> random;
    for (int k = 0; k < kCount; ++k) {
      Rule::template element<kPresent...>(slot.scalars, convert<float>(g.values[k]), p.values[k],
                                          s[kState].values[k]...);
      random.values[k] = random_bits(slot.key, static_cast<uint32_t>(chunk.begin + i + k));
    }
    store(parameter + i, p);
    ((kHasState<Rule, kState, kPresent...>
          ? store_rounded(static_cast<StateElement<Rule, kState, Moment>*>(state[kState]) + i,
                          s[kState], random, kState)
          : void()),
     ...);
  });
}

// Moment is float or BFloat16: the type of the first kMoments<Rule> arrays of the state.
template <class Moment, OptimizerRule Rule>
ACCELERATE_HOST_DEVICE void step_chunk(const OptimizerSlot<Rule>& slot,
                                       const OptimizerPiece<Rule>& piece, const Chunk& chunk,
                                       Worker worker) {
  by_type(piece.gradient_type, [&]<class Gradient>() {
    by_present<Rule>(
        piece.state, [&]<bool... kPresent>() {
          step_chunk_of<Rule, Gradient, Moment, kPresent...>(
              slot, piece, chunk, worker, std::make_index_sequence<Rule::kStates>());
        });
  });
}

}  // namespace accelerate::kernels
