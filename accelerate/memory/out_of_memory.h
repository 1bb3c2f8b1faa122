// What is said where a GPU has not enough memory: what was wanted and what was free, what the run
// held by kind, the largest tensors by name, and what helps. It is noted before the allocator
// throws, while all of it is still there.
//
//   OutOfMemoryWatch watch(process, [&] { return usage_of_session(); });
//   try {
//     train_some();
//   } catch (const c10::OutOfMemoryError& error) {
//     std::cerr << error.what_without_backtrace() << "\n" << take_out_of_memory_note() << "\n";
//   }
//
// Each Accelerator watches, and ACCELERATE_MAIN appends the note to the error that leaves train();
// a program with a main() of its own does that as above. Not for the CPU, where Linux kills the
// process that takes more memory than there is.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "accelerate/memory/memory_usage.h"
#include "accelerate/process/cuda.h"
#include "accelerate/process/process_info.h"

namespace accelerate {

// The note of the last time that memory was wanted in vain, in several lines; then it is forgotten.
// Empty where there is none. Thread-safe.
std::string take_out_of_memory_note();

class OutOfMemoryWatch {
 public:
  // `usage` is called in the thread that makes the watch, or in one of autograd's while that waits
  // for it; it must not allocate on the GPU.
  OutOfMemoryWatch(const ProcessInfo& process, std::function<MemoryUsage()> usage);
  OutOfMemoryWatch(const OutOfMemoryWatch&) = delete;
  OutOfMemoryWatch& operator=(const OutOfMemoryWatch&) = delete;
  ~OutOfMemoryWatch();

  // What the allocator calls.
  static void note(const cuda::FailedAllocation& failed);

 private:
  std::string describe(const cuda::FailedAllocation& failed) const;

  ProcessInfo process_;
  std::function<MemoryUsage()> usage_;
  std::thread::id thread_ = std::this_thread::get_id();
};

}  // namespace accelerate
