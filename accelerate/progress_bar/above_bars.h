// Lets what a part of the library writes past std::cout, std::cerr and std::clog appear above the
// bars of this process.
//
// Part of ProgressBar and of the logging; not for others. Knows nothing of bars, so that whoever
// writes lines does not hold them.
#pragma once

#include <functional>

namespace accelerate::internal {

// Calls `write`, which writes whole lines to `fd`: with the bars taken away where they could be in
// the way, and as it is where there are none. Thread-safe.
void write_above_bars(int fd, const std::function<void()>& write);

// From now on `writer` does so.
using WriteAboveBars = void (*)(int fd, const std::function<void()>& write);
void set_write_above_bars(WriteAboveBars writer);

}  // namespace accelerate::internal
