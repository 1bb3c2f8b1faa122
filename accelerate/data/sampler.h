// The samples of an epoch, if you want neither the data set's own order nor a shuffle of it. A
// Sampler returns single samples, a BatchSampler returns batches.
//
//   Sampler backwards([](uint64_t) { return std::vector<int64_t>{2, 1, 0}; });
//   BatchSampler pairs(std::vector<std::vector<int64_t>>{{0, 1}, {2, 3}});
//   DataLoader loader(dataset, {.batch_sampler = pairs});   // The same two in each epoch.
//
// The function receives the seed of the epoch, which is the loader's seed plus the number of the
// epoch. It must return the same for the same seed in every process: each process computes the
// whole epoch and takes its share. A sample may be left out or come several times. samplers.h has
// ready-made ones. Not for streams.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <ranges>
#include <utility>
#include <vector>

namespace accelerate {

namespace internal {

// A function of the epoch's seed; may be empty.
template <class Entry>
class EpochFunction {
 public:
  using Entries = std::vector<Entry>;

  EpochFunction() = default;
  template <class Function>
  requires std::invocable<const Function&, uint64_t> EpochFunction(Function function)
      : function_([function = std::move(function)](uint64_t seed) {
          return copied(std::invoke(function, seed));
        }) {}
  // A fixed epoch, from any range.
  template <std::ranges::input_range Range>
  requires(!std::invocable<const Range&, uint64_t>) EpochFunction(const Range& entries)
      : function_([fixed = copied(entries)](uint64_t) { return fixed; }) {}

  explicit operator bool() const { return static_cast<bool>(function_); }
  Entries operator()(uint64_t seed) const { return function_(seed); }

 private:
  static Entries copied(Entries entries) { return entries; }
  template <class Range>
  static Entries copied(const Range& range) {
    Entries entries;
    for (const auto& entry : range) {
      if constexpr (std::ranges::range<decltype(entry)>) {
        entries.emplace_back(std::ranges::begin(entry), std::ranges::end(entry));
      } else {
        entries.push_back(static_cast<Entry>(entry));
      }
    }
    return entries;
  }

  std::function<Entries(uint64_t)> function_;
};

}  // namespace internal

using Sampler = internal::EpochFunction<int64_t>;
using BatchSampler = internal::EpochFunction<std::vector<int64_t>>;

}  // namespace accelerate
