#include "launcher/cli/dialog/key_mode.h"

#include <unistd.h>

namespace accelerate::launcher {

KeyMode::KeyMode(int terminal) : terminal_(terminal) {
  if (tcgetattr(terminal_, &old_) != 0) return;
  termios keys = old_;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | IEXTEN);
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  keys.c_cc[VSUSP] = _POSIX_VDISABLE;
  keys.c_cc[VQUIT] = _POSIX_VDISABLE;
  is_on_ = tcsetattr(terminal_, TCSADRAIN, &keys) == 0;
}

KeyMode::~KeyMode() {
  if (is_on_) tcsetattr(terminal_, TCSADRAIN, &old_);
}

}  // namespace accelerate::launcher
