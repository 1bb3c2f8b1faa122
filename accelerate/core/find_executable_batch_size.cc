#include "accelerate/core/find_executable_batch_size.h"

#include <c10/util/Exception.h>

#include <new>
#include <string_view>

#include "accelerate/process/cuda.h"

namespace accelerate {
namespace {

// What has no type of its own: LibTorch's allocator of the CPU, and CUDA's libraries, which
// allocate by themselves.
constexpr std::string_view kMessages[] = {
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_NOT_SUPPORTED",
};

int64_t next_size(int64_t size, const BatchSizeOptions& options) {
  if (!options.reduce) return static_cast<int64_t>(static_cast<double>(size) * 0.9);
  const int64_t next = options.reduce(size);
  TORCH_CHECK(next < size, "find_executable_batch_size: reduce() returned ", next, " for ", size,
              "; it must return a smaller size, or the search never ends");
  return next;
}

// Whether there was enough memory. The error is gone when it returns, with all that it may hold.
bool succeeds(const internal::BatchSizeAttempt& attempt, int64_t size) {
  try {
    attempt.run(size);
    return true;
  } catch (const std::exception& error) {
    if (!is_out_of_memory(error)) throw;
    return false;
  }
}

}  // namespace

bool is_out_of_memory(const std::exception& error) {
  // A length that makes no sense is a fault of the program.
  if (dynamic_cast<const std::bad_array_new_length*>(&error) != nullptr) return false;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  const auto* ours = dynamic_cast<const c10::Error*>(&error);
  const std::string_view message = ours ? ours->what_without_backtrace() : error.what();
  for (const std::string_view each : kMessages) {
    if (message.find(each) != std::string_view::npos) return true;
  }
  return false;
}

namespace internal {

void search_batch_size(const BatchSizeAttempt& attempt, const BatchSizeOptions& options,
                       const OnAnyRank& on_any_rank) {
  int64_t size = options.starting_batch_size;
  TORCH_CHECK(size > 0, "find_executable_batch_size: the starting batch size is ", size,
              "; give 1 or more");
  cuda::empty_cache();
  while (on_any_rank(!succeeds(attempt, size))) {
    attempt.forget();
    cuda::empty_cache();
    size = next_size(size, options);
    TORCH_CHECK(size > 0, "No executable batch size found, reached zero.");
  }
}

}  // namespace internal
}  // namespace accelerate
