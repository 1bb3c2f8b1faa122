// What loggers of all threads share is looked at under this mutex.
//
//   const std::lock_guard lock(log_mutex());
//
// Part of the logging; not for others.
#pragma once

#include <mutex>

namespace accelerate::internal {

// Never destroyed, and never left locked in a forked process, whatever other threads did while it
// was forked: who holds it does nothing that takes long, and forks no process.
std::mutex& log_mutex();

}  // namespace accelerate::internal
