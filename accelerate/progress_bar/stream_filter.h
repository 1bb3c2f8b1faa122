// Passes the text of std::cout, std::cerr and std::clog on to its former destination, and keeps
// bars out of its way.
//
// Part of ProgressBar; not for others.
#pragma once

namespace accelerate::internal {

// How text that is written to a descriptor may disturb bars at the terminal: not at all, a little
// later when another process has passed it on, or immediately.
enum class Nearness { kElsewhere, kPassedOn, kAtTerminal };
Nearness nearness_of(int fd);

// Filters the streams until the process ends, because others may keep using them. Streams that go
// to a file are not changed.
void filter_standard_streams();

}  // namespace accelerate::internal
