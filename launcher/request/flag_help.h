// The help texts of the launch flags.
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

// The flags of a program that launches itself, in groups, with their meaning, except the flags for
// which `is_program_flag` is true. Lines have at most `width` characters.
std::string launch_flags_help(const IsProgramFlag& is_program_flag = nullptr,
                              int width = help_width());

// The usage of `accelerate launch` and all its flags. Flags for Python programs are listed without
// a description.
std::string launch_command_help(int width = help_width());

}  // namespace accelerate::launcher
