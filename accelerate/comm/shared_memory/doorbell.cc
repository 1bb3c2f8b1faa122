#include "accelerate/comm/shared_memory/doorbell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

namespace accelerate::internal {

// The kernel reads the number where it lies.
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
static_assert(std::atomic<uint32_t>::is_always_lock_free);

void Doorbell::ring() {
  // Either this sees the sleeper, or the sleeper sees what changed: each writes, then reads.
  if (sleepers_.load() == 0) return;
  rings_.fetch_add(1);
  syscall(SYS_futex, &rings_, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

Sleeper::Sleeper(Doorbell& doorbell) : doorbell_(doorbell) {
  doorbell_.sleepers_.fetch_add(1);
  rings_ = doorbell_.rings_.load();
}

Sleeper::~Sleeper() { doorbell_.sleepers_.fetch_sub(1); }

void Sleeper::sleep(std::chrono::milliseconds most) const {
  const timespec time{.tv_sec = most.count() / 1000, .tv_nsec = most.count() % 1000 * 1'000'000};
  syscall(SYS_futex, &doorbell_.rings_, FUTEX_WAIT, rings_, &time, nullptr, 0);
}

}  // namespace accelerate::internal
