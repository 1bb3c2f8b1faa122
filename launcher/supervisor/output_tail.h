// The end of a stream of text, however long the stream gets.
//
// Example:
//   OutputTail tail;
//   tail.append(chunk);  // For each chunk.
//   std::cerr << "it ended with:\n" << tail.text();
//
// Not for reading back a whole log: it forgets all but the last lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace accelerate::launcher {

// Not thread-safe.
class OutputTail {
 public:
  static constexpr std::size_t kMaxBytes = 4096;
  static constexpr std::size_t kMaxLines = 20;

  void append(std::string_view chunk);

  // The last kMaxLines lines of what was appended, or its last kMaxBytes bytes if those are less;
  // ends with a newline unless it is empty. A line that the bytes cut in two is left out, unless it
  // is the only one.
  std::string text() const;

 private:
  std::string bytes_;  // At most one byte more than kMaxBytes, which tells whether a line was cut.
};

}  // namespace accelerate::launcher
