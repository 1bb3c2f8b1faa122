#include "kernels/combine/combine_loops.h"

#include <cstdint>
#include <type_traits>

#include "kernels/simd/this_level.h"
#include "kernels/types/bfloat16.h"
#include "kernels/types/convert.h"
#include "kernels/types/half.h"

namespace accelerate::kernels {
namespace {

// Elements whose results so far stay in the fastest cache.
constexpr int64_t kBlock = 1024;

template <class T>
using Accumulator = std::conditional_t<kIs16Bit<T>, float, T>;

struct Sum {
  template <class A>
  static ACCELERATE_HOST_DEVICE A apply(A sum, A value) {
    if constexpr (std::is_integral_v<A>) {
      // Unsigned, because signed numbers must not overflow.
      using Unsigned = std::make_unsigned_t<A>;
      return static_cast<A>(static_cast<Unsigned>(sum) + static_cast<Unsigned>(value));
    } else {
      return sum + value;
    }
  }
};

// Of a NaN no comparison holds but that it differs from itself.
struct Max {
  template <class A>
  static ACCELERATE_HOST_DEVICE A apply(A most, A value) {
    const bool takes_over = (value > most) | (value != value);
    return takes_over ? value : most;
  }
};

struct Min {
  template <class A>
  static ACCELERATE_HOST_DEVICE A apply(A least, A value) {
    const bool takes_over = (value < least) | (value != value);
    return takes_over ? value : least;
  }
};

template <class T, class Operation, class Finish>
void combine_elements(const Combination& combination, Operation, Finish finish) {
  using A = Accumulator<T>;
  A results[kBlock];
  for (int64_t begin = 0; begin < combination.count; begin += kBlock) {
    const int64_t left = combination.count - begin;
    const int64_t count = left < kBlock ? left : kBlock;
    const T* first = static_cast<const T*>(combination.sources[0]) + begin;
    for (int64_t i = 0; i < count; ++i) results[i] = convert<A>(first[i]);
    for (int source = 1; source < combination.num_sources; ++source) {
      const T* next = static_cast<const T*>(combination.sources[source]) + begin;
      for (int64_t i = 0; i < count; ++i) {
        results[i] = Operation::apply(results[i], convert<A>(next[i]));
      }
    }
    T* destination = static_cast<T*>(combination.destination) + begin;
    for (int64_t i = 0; i < count; ++i) destination[i] = convert<T>(finish(results[i]));
  }
}

template <class T>
void combine_numbers(const Combination& combination) {
  using A = Accumulator<T>;
  const auto as_it_is = [](A result) { return result; };
  if (combination.operation == CombineOperation::kMax)
    return combine_elements<T>(combination, Max(), as_it_is);
  if (combination.operation == CombineOperation::kMin)
    return combine_elements<T>(combination, Min(), as_it_is);
  if constexpr (!std::is_integral_v<T>) {
    const int64_t divisor = combination.divisor;
    // The reciprocal of a power of two is exact, and a product takes a fraction of a division.
    if (divisor > 1 && (divisor & (divisor - 1)) == 0) {
      const A factor = A{1} / static_cast<A>(divisor);
      return combine_elements<T>(combination, Sum(), [factor](A sum) { return sum * factor; });
    }
    if (divisor > 1) {
      const A count = static_cast<A>(divisor);
      return combine_elements<T>(combination, Sum(), [count](A sum) { return sum / count; });
    }
  }
  combine_elements<T>(combination, Sum(), as_it_is);
}

}  // namespace

template <>
void combine_loop<kThisLevel>(const Combination& combination, NumberType type) {
  switch (type) {
    case NumberType::kFloat:
      return combine_numbers<float>(combination);
    case NumberType::kDouble:
      return combine_numbers<double>(combination);
    case NumberType::kHalf:
      return combine_numbers<Half>(combination);
    case NumberType::kBFloat16:
      return combine_numbers<BFloat16>(combination);
    case NumberType::kInt8:
      return combine_numbers<int8_t>(combination);
    case NumberType::kUInt8:
      return combine_numbers<uint8_t>(combination);
    case NumberType::kInt16:
      return combine_numbers<int16_t>(combination);
    case NumberType::kInt32:
      return combine_numbers<int32_t>(combination);
    case NumberType::kInt64:
      return combine_numbers<int64_t>(combination);
  }
}

}  // namespace accelerate::kernels
