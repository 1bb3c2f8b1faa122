// Lets the text of std::cout, std::cerr and std::clog through to where it went before, and keeps
// bars out of its way.
//
// Part of ProgressBar; not for others.
#pragma once

namespace accelerate::internal {

// What text to a descriptor may do to bars at the terminal: nothing, or stand among them a little
// later, when somebody has passed it on, or at once.
enum class Nearness { kElsewhere, kPassedOn, kAtTerminal };
Nearness nearness_of(int fd);

// For the rest of the process: whoever prints meanwhile may hold the streams. Those that go to a
// file stay as they are.
void filter_standard_streams();

}  // namespace accelerate::internal
