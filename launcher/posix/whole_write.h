// Writes a whole text to any descriptor: a pipe whose reader has closed it, a full disk, a stream
// that another process has made non-blocking.
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
  std::size_t size = 0;  // How many bytes were written.
  int error = 0;         // errno, if that was not all.
};

// Uses one write(2) if the system takes all of it. Waits for a slow reader. A write without a
// reader, or beyond the limit of a file's size, fails without a signal; the signals of this process
// are not changed. Thread-safe.
WholeWrite write_whole(int fd, std::string_view text);

}  // namespace accelerate::launcher
