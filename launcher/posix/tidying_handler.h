// The handler of this library's that tidies up, such as a terminal, when a signal is about to end
// the process.
//
//   tidying_handler() = tidy_and_end;                    // Before it is installed.
//   if (handler == tidying_handler()) replace_handler();  // It stands for SIG_DFL.
//
// Not for a handler after which the process goes on: whoever looks for a program's own handlers
// takes this one for none.
#pragma once

#include <signal.h>

#include <atomic>

namespace accelerate::launcher {

using SignalHandler = void (*)(int signal);

// SIG_DFL where there is none. Thread-safe.
inline std::atomic<SignalHandler>& tidying_handler() {
  static constinit std::atomic<SignalHandler> handler = SIG_DFL;
  return handler;
}

}  // namespace accelerate::launcher
