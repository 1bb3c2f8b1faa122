// A summary of a recording, to find out later whether a step does the same in each call.
//
//   const RecordingSummary first(record(inputs, step));
//   const Recording second = record(other_inputs, step, {.earlier = &first.trace()});
//   // If there is a difference, no replay does what the step does:
//   if (const auto difference = first.difference(second)) give_up(*difference);
//
// It does not hold the memory that the step used. It does not detect a step that behaves
// differently only now and then.
#pragma once

#include <c10/core/StorageImpl.h>
#include <c10/util/intrusive_ptr.h>

#include <optional>
#include <string>
#include <vector>

#include "accelerate/tape/recording.h"

namespace accelerate {

class RecordingSummary {
 public:
  explicit RecordingSummary(const Recording& recording);

  // What differs in the later recording, as a sentence; std::nullopt when a replay does what the
  // step does.
  std::optional<std::string> difference(const Recording& later) const;
  const HostTrace& trace() const { return trace_; }

 private:
  struct Line {
    std::string name;
    std::vector<RecordedArgument> texts;
  };
  std::vector<Line> lines_;
  // Keeps addresses that a text names from being reused.
  std::vector<c10::weak_intrusive_ptr<c10::StorageImpl>> storages_;
  HostTrace trace_;
};

}  // namespace accelerate
