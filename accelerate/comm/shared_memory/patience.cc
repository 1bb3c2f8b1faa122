#include "accelerate/comm/shared_memory/patience.h"

#include <sched.h>

namespace accelerate::internal {
namespace {

// Steps of small models differ by some tens of microseconds between ranks.
constexpr std::chrono::microseconds kLooking{100};
constexpr std::chrono::microseconds kYielding{500};
// A look at the clock costs as much as some looks at the memory.
constexpr int kLooksPerClock = 32;

// Lets the other half of the core go on, and saves the CPU a mispredicted end of the loop.
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

bool Patience::lasts() {
  if (looks_ == 0) {
    begin_ = Clock::now();
    yields_ = crowded_;
  }
  ++looks_;
  if (yields_ || looks_ % kLooksPerClock == 0) {
    const auto waited = Clock::now() - begin_;
    if (waited > kLooking + kYielding) return false;
    yields_ = yields_ || waited > kLooking;
  }
  if (yields_) {
    sched_yield();
  } else {
    relax();
  }
  return true;
}

}  // namespace accelerate::internal
