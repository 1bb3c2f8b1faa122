// The note about a GPU that has run out of memory: what was wanted and what was free, what the run
// held by kind, the largest tensors by name, and what helps. It is taken before the allocator
// throws, while everything is still allocated.
//
//   OutOfMemoryWatch watch(process, [&] { return usage_of_session(); });
//   try {
//     train_some();
//   } catch (const c10::OutOfMemoryError& error) {
//     std::cerr << error.what_without_backtrace() << "\n" << take_out_of_memory_note() << "\n";
//   }
//
// Each Accelerator has a watch, and ACCELERATE_MAIN appends the note to the error that leaves
// train(); a program with its own main() does so as above. Not for the CPU, where Linux kills a
// process that uses more memory than there is.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "accelerate/memory/memory_usage.h"
#include "accelerate/process/cuda.h"
#include "accelerate/process/process_info.h"

namespace accelerate {

// Returns the note about the last failed allocation, of several lines, and forgets it. Empty if
// there is none. Thread-safe.
std::string take_out_of_memory_note();

class OutOfMemoryWatch {
 public:
  // `usage` is called in the thread that creates the watch, or in one of autograd's threads while
  // the former waits for it; it must not allocate on the GPU.
  OutOfMemoryWatch(const ProcessInfo& process, std::function<MemoryUsage()> usage);
  OutOfMemoryWatch(const OutOfMemoryWatch&) = delete;
  OutOfMemoryWatch& operator=(const OutOfMemoryWatch&) = delete;
  ~OutOfMemoryWatch();

  // Called by the allocator.
  static void note(const cuda::FailedAllocation& failed);

 private:
  std::string describe(const cuda::FailedAllocation& failed) const;

  ProcessInfo process_;
  std::function<MemoryUsage()> usage_;
  std::thread::id thread_ = std::this_thread::get_id();
};

}  // namespace accelerate
