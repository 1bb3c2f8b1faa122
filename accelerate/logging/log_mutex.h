// Guards what the loggers of all threads share.
//
//   const std::lock_guard lock(log_mutex());
//
// Part of the logging; not for others.
#pragma once

#include <mutex>

namespace accelerate::internal {

// Never destroyed, and never locked at the start of a forked process, whatever other threads did
// during the fork. While you hold it, do nothing that takes long, and do not fork.
std::mutex& log_mutex();

}  // namespace accelerate::internal
