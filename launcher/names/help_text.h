// Breaks help and questions into lines that fit the terminal.
//
// Example:
//   const int width = help_width();
//   std::cout << wrapped("Starts PROGRAM in several processes.", width) << "\n";
//   std::string help;
//   append_help_row("--cpu", "Train on the CPU.", {.column = 30, .width = width}, help);
//
// Not for messages in logs, which are one line each.
#pragma once

#include <string>
#include <vector>

namespace accelerate::launcher {

// The columns of a line: COLUMNS, or else the width of the terminal of standard output, or else 80;
// limited to 40 to 100. Thread-safe if no thread writes the environment.
int help_width();

// `words` joined by blanks, in lines of at most `width` bytes unless a word is longer; lines after
// the first are indented by `indent` blanks. Does not end with a line break.
std::string wrapped_words(const std::vector<std::string>& words, int width, int indent = 0);

// The same for the words of a text, whose line breaks are kept.
std::string wrapped(const std::string& text, int width, int indent = 0);

struct HelpRowOptions {
  int column = 30;  // Where the meaning begins; at most half the width.
  int width = 80;
};

// Appends lines with `usage`, indented by two blanks, and `meaning` beside it, or below if `usage`
// is too long.
void append_help_row(const std::string& usage, const std::string& meaning,
                     const HelpRowOptions& options, std::string& help);

}  // namespace accelerate::launcher
