#include "launcher/supervisor/restart_pause.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>

namespace accelerate::launcher {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestPause = std::chrono::seconds(10);
constexpr int kMostDoublings = 16;

}  // namespace

milliseconds restart_pause(const LaunchPlan& plan, int attempt) {
  if (attempt == 0) return milliseconds(0);
  return std::min(plan.restart_pause * (1 << std::min(attempt - 1, kMostDoublings)), kLongestPause);
}

std::optional<int> take_ending_signal(SignalScope& signals) {
  while (const std::optional<int> signal = signals.take()) {
    switch (*signal) {
      case SIGCHLD:
      case SIGQUIT:  // There is nobody to report about.
      case SIGUSR1:
      case SIGUSR2:
      case SIGCONT:
        break;
      case SIGTSTP:
        signals.suspend();
        break;
      default:
        return signal;
    }
  }
  return std::nullopt;
}

std::optional<int> wait_unless_signalled(milliseconds time, SignalScope& signals) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + time;
  for (Clock::time_point now = Clock::now(); now < end; now = Clock::now()) {
    pollfd polled = {.fd = signals.fd(), .events = POLLIN, .revents = 0};
    poll(&polled, 1, static_cast<int>(std::chrono::ceil<milliseconds>(end - now).count()));
    if (const auto signal = take_ending_signal(signals)) return signal;
  }
  return std::nullopt;
}

}  // namespace accelerate::launcher
