// What a recording is compared with later, to find out whether a step does the same in each call.
//
//   const RecordingSummary first(record(inputs, step));
//   const Recording second = record(other_inputs, step, {.earlier = &first.trace()});
//   // Where there is one, no replay does what the step does:
//   if (const auto difference = first.difference(second)) give_up(*difference);
//
// It holds none of the memory that the step used. A step that does something else only now and then
// is not found out.
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

  // What is another in the later recording, in a sentence; none when a replay does what the step
  // does.
  std::optional<std::string> difference(const Recording& later) const;
  const HostTrace& trace() const { return trace_; }

 private:
  struct Line {
    std::string name;
    std::vector<RecordedArgument> texts;
  };
  std::vector<Line> lines_;
  // So that nothing else comes to lie at an address that a text names.
  std::vector<c10::weak_intrusive_ptr<c10::StorageImpl>> storages_;
  HostTrace trace_;
};

}  // namespace accelerate
