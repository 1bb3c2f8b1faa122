// How many threads the blocks of a kernel have, for each architecture that it is compiled for. A
// policy is a struct of constants; a selector has a policy for each architecture.
//
// Example:
//   struct PackPolicies {
//     constexpr BlockPolicy operator()(int architecture) const {
//       return {.threads = architecture >= 90 ? 512 : 256};
//     }
//   };
//   static_assert(PolicySelector<PackPolicies>);
//
//   __global__ void __launch_bounds__(kHere<PackPolicies>.threads) pack_kernel(Table table);
//   return launch_over<PackPolicies>(pieces, pack_kernel, stream);
//
// Not for what affects results, such as the number of partial sums: that has to be the same on
// every GPU, which kEverywhere ensures.
#pragma once

#include <array>
#include <concepts>

namespace accelerate::kernels {

inline constexpr int kWarp = 32;

struct BlockPolicy {
  int threads;

  friend constexpr bool operator==(const BlockPolicy&, const BlockPolicy&) = default;
};

// Values that can be compared, one of which is the size of a block.
template <class T>
concept LaunchPolicy = std::copyable<T> && std::equality_comparable<T> &&
    requires(const T& policy) {
  { policy.threads } -> std::convertible_to<int>;
};

// The architectures that nvcc compiles for: ten times the compute capability, so that 90 is 9.0.
inline constexpr std::array kArchitectures = {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};

// A block has whole warps, up to 32.
constexpr bool is_block_size(int threads) {
  return threads > 0 && threads <= 1024 && threads % kWarp == 0;
}

template <class Selector>
constexpr bool selects_block_sizes() {
  for (const int architecture : kArchitectures) {
    if (!is_block_size(Selector{}(architecture).threads)) return false;
  }
  return true;
}

template <class Selector>
concept PolicySelector = requires(int architecture) {
  { Selector{}(architecture) } -> LaunchPolicy;
}
&&selects_block_sizes<Selector>();

template <PolicySelector Selector>
constexpr bool is_same_everywhere() {
  for (const int architecture : kArchitectures) {
    if (Selector{}(architecture) != Selector{}(kArchitectures.front())) return false;
  }
  return true;
}

// The policy of a selector that has only one.
template <PolicySelector Selector>
requires(is_same_everywhere<Selector>()) inline constexpr auto kEverywhere =
    Selector{}(kArchitectures.front());

// The policy for the code that is being compiled: in device code that of its architecture; in host
// code, which does not read the bounds of a kernel, that of any.
#ifdef __CUDA_ARCH__
template <PolicySelector Selector>
inline constexpr auto kHere = Selector{}(__CUDA_ARCH__ / 10);
#else
template <PolicySelector Selector>
inline constexpr auto kHere = Selector{}(kArchitectures.front());
#endif

// For kernels that read and write each element once, and so wait for memory all the time.
struct MemoryPolicies {
  constexpr BlockPolicy operator()(int /*architecture*/) const { return {.threads = 256}; }
};

}  // namespace accelerate::kernels
