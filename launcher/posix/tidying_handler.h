// The handler with which this library tidies up, for example a terminal, when a signal is about to
// end the process.
//
//   tidying_handler() = tidy_and_end;                    // Before it is installed.
//   if (handler == tidying_handler()) replace_handler();  // It stands for SIG_DFL.
//
// Not for a handler after which the process goes on: code that looks for a program's own handlers
// treats this one as SIG_DFL.
#pragma once

#include <signal.h>

#include <atomic>

namespace accelerate::launcher {

using SignalHandler = void (*)(int signal);

// SIG_DFL if there is none. Thread-safe.
inline std::atomic<SignalHandler>& tidying_handler() {
  static constinit std::atomic<SignalHandler> handler = SIG_DFL;
  return handler;
}

}  // namespace accelerate::launcher
