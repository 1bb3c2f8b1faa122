#include "accelerate/logging/log_mutex.h"

#include <pthread.h>

namespace accelerate::internal {
namespace {

std::mutex* make_mutex() {
  pthread_atfork([] { log_mutex().lock(); }, [] { log_mutex().unlock(); },
                 [] { log_mutex().unlock(); });
  return new std::mutex;
}

}  // namespace

std::mutex& log_mutex() {
  static std::mutex& mutex = *make_mutex();
  return mutex;
}

}  // namespace accelerate::internal
