#include "launcher/cli/dialog/open_dialog.h"

#include <unistd.h>

#include <iostream>

#include "launcher/cli/dialog/line_dialog.h"
#include "launcher/cli/dialog/terminal_dialog.h"

namespace accelerate::launcher {

std::unique_ptr<Dialog> open_dialog(const Console& console) {
  const bool own_streams = &console.input == &std::cin && &console.output == &std::cout;
  if (own_streams && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
    return std::make_unique<TerminalDialog>(STDIN_FILENO, console.output);
  }
  return std::make_unique<LineDialog>(console.input, console.output);
}

}  // namespace accelerate::launcher
