#include "accelerate/comm/shared_memory/spin_wait.h"

#include <sched.h>

namespace accelerate::internal {
namespace {

// Steps of small models differ by some tens of microseconds between ranks, and to be woken takes as
// long. More of it is lost where other programs want the cores, too: who sleeps comes first then.
constexpr std::chrono::microseconds kLongestSpin{50};
// A look at the clock costs as much as some looks at the memory.
constexpr int kLooksPerClock = 32;

// Tells the CPU that this is a loop that waits.
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

bool SpinWait::lasts() {
  if (looks_ == 0) begin_ = Clock::now();
  ++looks_;
  if (crowded_) {
    sched_yield();
  } else {
    relax();
  }
  if (!crowded_ && looks_ % kLooksPerClock != 0) return true;
  return Clock::now() - begin_ < kLongestSpin;
}

}  // namespace accelerate::internal
