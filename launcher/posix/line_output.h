// Makes the output of a process appear line by line, also in a pipe or a file: a run that is
// watched or killed must show what it printed, and lines of ranks must not mix.
//
//   print_line_by_line();
//   std::printf("epoch 1\n");  // Is written now.
#pragma once

namespace accelerate::launcher {

// For standard output, even after something was written to it. Not thread-safe.
void print_line_by_line();

}  // namespace accelerate::launcher
