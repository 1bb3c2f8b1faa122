// Writes a text as a whole to a descriptor that may be anything: a pipe whose reader has gone, a
// full disk, a stream that somebody else has made non-blocking.
//
//   const WholeWrite end = write_whole(STDERR_FILENO, "epoch 1\n");
//   if (end.error != 0) lines_are_missing = true;
//
// Not for a process that must not wait for its reader: output_writer.h.
#pragma once

#include <cstddef>
#include <string_view>

namespace accelerate::launcher {

struct WholeWrite {
  std::size_t size = 0;  // How many bytes got there.
  int error = 0;         // errno, where that was not all.
};

// With one write(2) wherever the system takes all of it. Waits for a slow reader. A write without a
// reader, or beyond the limit of a file's size, fails, and raises no signal in this process, whose
// own signals stay as they are. Thread-safe.
WholeWrite write_whole(int fd, std::string_view text);

}  // namespace accelerate::launcher
