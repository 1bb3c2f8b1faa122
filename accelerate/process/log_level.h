// Limits what LibTorch, and this library through it, writes to standard error.
//
//   apply_log_level();
//
//   $ ACCELERATE_LOG_LEVEL=ERROR my_model     # No warnings.
//
// Not for the launcher's lines: use --quiet.
#pragma once

namespace accelerate {

// Leaves out messages below the level that ACCELERATE_LOG_LEVEL names in the words of loggers
// (accelerate/logging/level.h). Changes nothing if the variable is not set. Throws c10::Error for
// another word.
void apply_log_level();

}  // namespace accelerate
