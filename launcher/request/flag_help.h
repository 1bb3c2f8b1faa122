// What the help says about the launch flags.
//
// Example:
//   std::cout << launch_flags_help();     // In a program that launches itself.
//   std::cout << launch_command_help();   // accelerate launch --help
//
// Not for the program's own flags.
#pragma once

#include <string>

#include "launcher/names/help_text.h"
#include "launcher/request/flags.h"

namespace accelerate::launcher {

// The flags that a program that launches itself takes, save those that `is_program_flag` claims,
// with their meaning, by groups, in lines of at most `width` characters.
std::string launch_flags_help(const IsProgramFlag& is_program_flag = nullptr,
                              int width = help_width());

// How `accelerate launch` is used, and all its flags; those for Python programs by name alone.
std::string launch_command_help(int width = help_width());

}  // namespace accelerate::launcher
