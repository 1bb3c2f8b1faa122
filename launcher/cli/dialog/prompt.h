// The text of questions, the same in every Dialog.
//
// Example:
//   std::cout << prompt({"How many?", "1"});  // How many? [1]:
//
// Not for menus by keys, which change on the screen: see terminal_dialog.h.
#pragma once

#include <cstddef>
#include <string>

#include "launcher/cli/dialog/dialog.h"

namespace accelerate::launcher {

// The question, to be answered on the same line.
std::string prompt(const Question& question);

// One choice of a menu with its number, without a line break.
std::string menu_row(const Menu& menu, std::size_t index);

}  // namespace accelerate::launcher
