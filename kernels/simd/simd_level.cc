#include "kernels/simd/simd_level.h"

#include <array>
#include <cstddef>

namespace accelerate::kernels {
namespace {

constexpr std::array kLevels = {SimdLevel::kBaseline, SimdLevel::kAvx2, SimdLevel::kAvx512};

std::size_t count_usable() {
#ifdef __x86_64__
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2")) return 1;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return avx512 ? 3 : 2;
#else
  return 1;
#endif
}

}  // namespace

std::span<const SimdLevel> usable_simd_levels() {
  static const std::size_t usable = count_usable();
  return std::span(kLevels).first(usable);
}

SimdLevel best_simd_level() { return usable_simd_levels().back(); }

}  // namespace accelerate::kernels
