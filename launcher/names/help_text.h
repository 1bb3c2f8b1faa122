// Help and questions in lines that fit the terminal.
//
// Example:
//   const int width = help_width();
//   std::cout << wrapped("Starts PROGRAM in several processes.", width) << "\n";
//   std::string help;
//   append_help_row("--cpu", "Train on the CPU.", {.column = 30, .width = width}, help);
//
// Not for messages that are read in logs, one line each.
#pragma once

#include <string>
#include <vector>

namespace accelerate::launcher {

// Columns of a line: what COLUMNS says, or else the terminal of standard output, or else 80; from
// 40 to 100. Thread-safe while nobody sets a variable.
int help_width();

// `words` joined by blanks in lines of at most `width` bytes where no word is longer, those after
// the first behind `indent` blanks. No line end at the end.
std::string wrapped_words(const std::vector<std::string>& words, int width, int indent = 0);

// The same for the words of a text; its own line ends stay.
std::string wrapped(const std::string& text, int width, int indent = 0);

struct HelpRowOptions {
  int column = 30;  // Where the meaning begins, at most in the middle of the line.
  int width = 80;
};

// Appends lines with `usage`, two blanks before it, and what it means beside it; below it where it
// is too long for that.
void append_help_row(const std::string& usage, const std::string& meaning,
                     const HelpRowOptions& options, std::string& help);

}  // namespace accelerate::launcher
