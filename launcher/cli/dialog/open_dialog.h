// The Dialog that fits to where a command reads and writes.
//
// Example:
//   std::unique_ptr<Dialog> dialog = open_dialog(Console());
//
// Not for tests of what is asked: those make a LineDialog over texts of their own.
#pragma once

#include <memory>

#include "launcher/cli/console.h"
#include "launcher/cli/dialog/dialog.h"

namespace accelerate::launcher {

// By keys where both are this process's own terminal, otherwise by lines.
std::unique_ptr<Dialog> open_dialog(const Console& console);

}  // namespace accelerate::launcher
