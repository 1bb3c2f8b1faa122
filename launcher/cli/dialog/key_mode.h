// A mode in which a terminal passes on each key as it is pressed, without showing it.
//
// Example:
//   const KeyMode keys(STDIN_FILENO);
//   if (!keys.is_on()) return fail(std::strerror(errno));
//
// Not safe from signals by itself: one that ends the process leaves the terminal in this mode.
// Handle signals meanwhile (launcher/posix/signal_scope.h).
#pragma once

#include <termios.h>

namespace accelerate::launcher {

// The mode is on from the constructor to the destructor. Ctrl-C still interrupts. Ctrl-\ and Ctrl-Z
// are ordinary keys, because otherwise a shell would find the terminal in this mode.
class KeyMode {
 public:
  explicit KeyMode(int terminal);
  KeyMode(const KeyMode&) = delete;
  KeyMode& operator=(const KeyMode&) = delete;
  ~KeyMode();

  bool is_on() const { return is_on_; }

 private:
  int terminal_;
  termios old_ = {};
  bool is_on_ = false;
};

}  // namespace accelerate::launcher
