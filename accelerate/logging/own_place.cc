#include "accelerate/logging/own_place.h"

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "launcher/env/worker_environment.h"

namespace accelerate::internal {
namespace {

constexpr int64_t kUnknown = -1;

// Both in one, so that no thread sees the one without the other.
std::atomic<int64_t> known = kUnknown;

int64_t to_number(const Place& place) { return 2 * int64_t{place.rank} + (place.is_alone ? 1 : 0); }

Place to_place(int64_t number) {
  return {.rank = static_cast<int>(number / 2), .is_alone = number % 2 == 1};
}

Place read_place() {
  const auto worker = launcher::read_worker_environment();
  if (!worker.ok() || !worker->has_value()) return {};
  return {.rank = (*worker)->rank, .is_alone = (*worker)->world_size == 1};
}

}  // namespace

Place own_place() {
  const int64_t number = known.load(std::memory_order_relaxed);
  if (number != kUnknown) return to_place(number);
  [[maybe_unused]] static const int is_forgotten_by_child =
      pthread_atfork(nullptr, nullptr, [] { known.store(kUnknown, std::memory_order_relaxed); });
  const Place place = read_place();
  known.store(to_number(place), std::memory_order_relaxed);
  return place;
}

}  // namespace accelerate::internal
