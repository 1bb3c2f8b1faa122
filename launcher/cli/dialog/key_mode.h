// A terminal that hands on each key as it is pressed, without showing it.
//
// Example:
//   const KeyMode keys(STDIN_FILENO);
//   if (!keys.is_on()) return fail(std::strerror(errno));
//
// Not by itself safe from signals: one that ends the process leaves the terminal as it is. Take
// them meanwhile (launcher/posix/signal_scope.h).
#pragma once

#include <termios.h>

namespace accelerate::launcher {

// On from the constructor to the destructor. Ctrl-C still interrupts; Ctrl-Z and Ctrl-\ are keys
// like others, as a shell would meet the terminal in this mode.
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
