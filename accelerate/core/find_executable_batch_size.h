// Finds a batch size that fits into memory, by trying smaller and smaller ones.
//
//   const auto train_with = [&](int64_t batch_size) {
//     train_on_batches_of(batch_size);
//     return batch_size;
//   };
//   const int64_t batch_size =
//       accelerate::find_executable_batch_size(train_with, {.starting_batch_size = 256});
//
// The function is called again for each size, and must construct again what depends on it: a
// loader, and a model and an optimizer that have trained. Its side effects are not undone. On
// several processes use Accelerator::find_executable_batch_size(), which tries each size on all of
// them together.
//
// An attempt counts as out of memory if it throws an allocation error of LibTorch, on a GPU or on
// the CPU, or std::bad_alloc. On the CPU, Linux hands out more memory than it has and kills the
// process that uses it, so an attempt only fails if you set a limit (`ulimit -v`). Not for finding
// the fastest batch size.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace accelerate {

struct BatchSizeOptions {
  // The first size to try; 1 or more.
  int64_t starting_batch_size = 128;
  // Returns the size to try after one that was too large; it must be smaller. If empty: nine
  // tenths, rounded down.
  std::function<int64_t(int64_t too_large)> reduce = {};
};

// Whether there was not enough memory, on a GPU or on the CPU.
bool is_out_of_memory(const std::exception& error);

namespace internal {

struct BatchSizeAttempt {
  std::function<void(int64_t batch_size)> run;
  // Releases what run() has returned, because the attempt has failed on another rank.
  std::function<void()> forget;
};

// Returns whether `is_mine` is true on any process.
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

// Calls `function(batch_size)`, with a smaller size each time that it runs out of memory, and
// returns the function's result. Between two calls, cached GPU memory is freed. Throws c10::Error
// if no size is left; other exceptions of the function pass through.
template <class Function>
auto find_executable_batch_size(Function&& function, const BatchSizeOptions& options = {}) {
  return internal::find_executable_batch_size(std::forward<Function>(function), options,
                                              [](bool is_mine) { return is_mine; });
}

}  // namespace accelerate
