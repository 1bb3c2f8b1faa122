// Whether somebody outside has asked this process to stop, such as a scheduler whose time for the
// job is nearly over.
//
//   take_stop_requests(SIGTERM);
//   while (!stop_is_requested()) train_a_step();
//   save();
//
// Not for a loop of several processes, which must stop together: use Accelerator::should_stop().
#pragma once

namespace accelerate {

// From then on the signal is a request and does not end the process by itself. If the program has
// its own handler for the signal, this call changes nothing. For any thread.
void take_stop_requests(int signal);

// Whether a request has come; remains true once it has.
bool stop_is_requested();

// Has an effect only in process number 1, the first of a container, to which the kernel delivers no
// signal that it has no handler for: lets SIGINT, SIGTERM and SIGHUP end this process as they end
// others, until the program handles them.
void let_signals_end_first_process();

}  // namespace accelerate
