// Whether somebody outside has asked this process to stop, such as a scheduler whose time for the
// job is nearly over.
//
//   take_stop_requests(SIGTERM);
//   while (!stop_is_requested()) train_a_step();
//   save();
//
// Not for a loop of several processes, which have to stop together: Accelerator::should_stop().
#pragma once

namespace accelerate {

// From then on the signal is a request, and ends nothing by itself; unless the program has a
// handler of its own for it, which stays. For any thread.
void take_stop_requests(int signal);

// Whether one has come; stays so.
bool stop_is_requested();

// Where this is process number 1, the first of a container, which the kernel spares each signal
// that it has no handler for: lets SIGINT, SIGTERM and SIGHUP end it as they do others, until
// somebody handles them. Has no effect elsewhere.
void let_signals_end_first_process();

}  // namespace accelerate
