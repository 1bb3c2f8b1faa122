// How far a run had come with what it logs, as a checkpoint knows it: a run that goes on from there
// takes away the records beyond it, which it logs again.
//
// Example:
//   metrics::KeptRecords kept({.step = 12, .records = 1});
//   const bool stays = kept.take(/*step=*/12);        // The first one of step 12.
//   const bool is_again = !kept.take(/*step=*/12);    // The second one.
//
// Not for where in a file a record is.
#pragma once

#include <cstdint>
#include <limits>

namespace accelerate::metrics {

struct LogPosition {
  // All records of the steps before this one ...
  std::int64_t step = 0;
  // ... and so many of it.
  std::int64_t records = kAll;

  static constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
};

// Says of one record after the other, in the order in which they were logged, whether it stays.
class KeptRecords {
 public:
  explicit KeptRecords(const LogPosition& end) : end_(end) {}

  bool take(std::int64_t step) {
    if (step != end_.step) return step < end_.step;
    return taken_of_step_++ < end_.records;
  }

 private:
  LogPosition end_;
  std::int64_t taken_of_step_ = 0;
};

}  // namespace accelerate::metrics
