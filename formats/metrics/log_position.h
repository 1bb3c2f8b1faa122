// How far a run had logged when a checkpoint was saved: a run that resumes from it removes the
// records beyond, because it logs them again.
//
// Example:
//   metrics::KeptRecords kept({.step = 12, .records = 1});
//   const bool stays = kept.take(/*step=*/12);        // The first one of step 12.
//   const bool is_again = !kept.take(/*step=*/12);    // The second one.
//
// Not for the place of a record in a file.
#pragma once

#include <cstdint>
#include <limits>

namespace accelerate::metrics {

struct LogPosition {
  // The run had logged all records of the steps before this one ...
  std::int64_t step = 0;
  // ... and this many records of this step.
  std::int64_t records = kAll;

  static constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
};

// Decides for each record, in the order in which they were logged, whether to keep it.
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
