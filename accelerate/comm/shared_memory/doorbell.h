// Wakes the processes that sleep until something changes in memory that they share.
//
//   flag.store(1);                 // One process,
//   doorbell.ring();
//
//   const Sleeper sleeper(doorbell);   // another.
//   if (flag.load() == 0) sleeper.sleep(std::chrono::milliseconds(50));
//
// It is part of the shared memory; zeros are a doorbell without sleepers. Not for threads of one
// process: use condition variables.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace accelerate::internal {

class Doorbell {
 public:
  // Call it after the change, which must be stored with sequential consistency. Costs one read if
  // nobody sleeps.
  void ring();

 private:
  friend class Sleeper;
  std::atomic<uint32_t> rings_;
  // A sleeper that was killed remains counted, which costs the others one system call per ring.
  std::atomic<uint32_t> sleepers_;
};

class Sleeper {
 public:
  // From its construction on, no ring is missed. Check once more, after constructing it, whether
  // the change has already happened.
  explicit Sleeper(Doorbell& doorbell);
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper();

  // Returns at a ring, after this time at the latest, and sometimes earlier for no reason.
  void sleep(std::chrono::milliseconds most) const;

 private:
  Doorbell& doorbell_;
  uint32_t rings_;
};

}  // namespace accelerate::internal
