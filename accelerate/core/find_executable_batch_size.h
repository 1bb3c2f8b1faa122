// The largest batch size, of ever smaller ones, for which there is enough memory.
//
//   const auto train_with = [&](int64_t batch_size) {
//     train_on_batches_of(batch_size);
//     return batch_size;
//   };
//   const int64_t batch_size =
//       accelerate::find_executable_batch_size(train_with, {.starting_batch_size = 256});
//
// The function is called anew for each size, and must make anew what depends on it: a loader, and a
// model and an optimizer that have trained. What it has made outside of itself is not undone. On
// several processes it is Accelerator::find_executable_batch_size() that goes through the sizes on
// all of them together.
//
// Out of memory is what LibTorch's allocators throw, on a GPU and on the CPU, and std::bad_alloc.
// On the CPU Linux hands out more memory than it has, and kills the process that uses it: there
// only a limit (`ulimit -v`) lets a size fail. Not for a size that is to be the fastest.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace accelerate {

struct BatchSizeOptions {
  // The first that is tried; 1 or more.
  int64_t starting_batch_size = 128;
  // The size after one that was too large, which must be smaller. Empty: nine tenths of it, rounded
  // down.
  std::function<int64_t(int64_t too_large)> reduce = {};
};

// Whether there was not enough memory, on a GPU or on the CPU.
bool is_out_of_memory(const std::exception& error);

namespace internal {

struct BatchSizeAttempt {
  std::function<void(int64_t batch_size)> run;
  // Lets go of what run() has returned, because it has failed elsewhere.
  std::function<void()> forget;
};

// Whether it is so on any process.
using OnAnyRank = std::function<bool(bool is_mine)>;

// Returns when an attempt has succeeded.
void search_batch_size(const BatchSizeAttempt& attempt, const BatchSizeOptions& options,
                       const OnAnyRank& on_any_rank);

template <class Function>
auto find_executable_batch_size(Function&& function, const BatchSizeOptions& options,
                                const OnAnyRank& on_any_rank) {
  using Result = std::decay_t<std::invoke_result_t<Function&, int64_t>>;
  if constexpr (std::is_void_v<Result>) {
    search_batch_size({.run = std::ref(function), .forget = [] {}}, options, on_any_rank);
  } else {
    std::optional<Result> result;
    search_batch_size({.run = [&](int64_t batch_size) { result.emplace(function(batch_size)); },
                       .forget = [&] { result.reset(); }},
                      options, on_any_rank);
    return Result(*std::move(result));
  }
}

}  // namespace internal

// Calls `function(batch_size)`, with a smaller size each time that it throws because it is out of
// memory, and returns what it returned at last. Between two calls the GPU gets its memory back.
// Throws c10::Error when no size is left, and what the function throws otherwise.
template <class Function>
auto find_executable_batch_size(Function&& function, const BatchSizeOptions& options = {}) {
  return internal::find_executable_batch_size(std::forward<Function>(function), options,
                                              [](bool is_mine) { return is_mine; });
}

}  // namespace accelerate
