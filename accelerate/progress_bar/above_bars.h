// Makes what a part of the library writes without std::cout, std::cerr and std::clog appear above
// the bars of this process.
//
// Part of ProgressBar and of the logging; not for others. Does not depend on bars, so code that
// writes lines does not link them.
#pragma once

#include <functional>

namespace accelerate::internal {

// Calls `write`, which writes whole lines to `fd`. Removes bars that could be in the way first; if
// there are none, only calls `write`. Thread-safe.
void write_above_bars(int fd, const std::function<void()>& write);

// From now on, write_above_bars() calls `writer` for this.
using WriteAboveBars = void (*)(int fd, const std::function<void()>& write);
void set_write_above_bars(WriteAboveBars writer);

}  // namespace accelerate::internal
