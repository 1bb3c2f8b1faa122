// Chooses the Dialog that fits the streams of a command.
//
// Example:
//   std::unique_ptr<Dialog> dialog = open_dialog(Console());
//
// Not for tests of the questions: those make a LineDialog with their own texts.
#pragma once

#include <memory>

#include "launcher/cli/console.h"
#include "launcher/cli/dialog/dialog.h"

namespace accelerate::launcher {

// A TerminalDialog if input and output are this process's terminal, otherwise a LineDialog.
std::unique_ptr<Dialog> open_dialog(const Console& console);

}  // namespace accelerate::launcher
