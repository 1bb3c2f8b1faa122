// Wakes the processes that sleep until something changes in memory that they share.
//
//   flag.store(1);                 // One process,
//   doorbell.ring();
//
//   const Sleeper sleeper(doorbell);   // another.
//   if (flag.load() == 0) sleeper.sleep(std::chrono::milliseconds(50));
//
// Lies in the shared memory itself; zeros are a doorbell that nobody sleeps at. Not for threads of
// one process, which have condition variables.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace accelerate::internal {

class Doorbell {
 public:
  // To be called after the change, which was stored with sequential consistency. Costs one read
  // where nobody sleeps.
  void ring();

 private:
  friend class Sleeper;
  std::atomic<uint32_t> rings_;
  // One that was killed stays counted, which costs the others a system call a ring.
  std::atomic<uint32_t> sleepers_;
};

class Sleeper {
 public:
  // From here on no ring is missed: what is waited for must be looked at once more, behind this.
  explicit Sleeper(Doorbell& doorbell);
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper();

  // Returns at a ring, at the latest after this time, or earlier for no reason.
  void sleep(std::chrono::milliseconds most) const;

 private:
  Doorbell& doorbell_;
  uint32_t rings_;
};

}  // namespace accelerate::internal
