// What the flight record (launcher/flight_record) is told of collectives, which others look at when
// a run hangs.
//
// Part of the Communicator; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include "launcher/flight_record/flight_recorder.h"

namespace accelerate::internal {

// That a collective has begun. `facts` is all but the type and the sizes, which are those of the
// tensor that this rank gives, if there is one.
launcher::FlightTicket note_begin(launcher::CollectiveFacts facts, const at::Tensor& given);

// For its time this thread waits for the collective, which has ended then, well or not.
class NotedWait {
 public:
  explicit NotedWait(launcher::FlightTicket ticket) : ticket_(ticket) {
    launcher::FlightRecorder::of_process().wait(ticket_);
  }
  NotedWait(const NotedWait&) = delete;
  NotedWait& operator=(const NotedWait&) = delete;
  ~NotedWait() { launcher::FlightRecorder::of_process().end(ticket_); }

 private:
  launcher::FlightTicket ticket_;
};

}  // namespace accelerate::internal
