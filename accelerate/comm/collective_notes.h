// Notes collectives in the flight record (launcher/flight_record), which is read when a run hangs.
//
// Part of the Communicator; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include "launcher/flight_record/flight_recorder.h"

namespace accelerate::internal {

// Notes that a collective has begun. `facts` has everything except the type and the sizes, which
// are taken from the tensor that this rank gives, if it is defined.
launcher::FlightTicket note_begin(launcher::CollectiveFacts facts, const at::Tensor& given);

// Notes that this thread waits for the collective, and at destruction that the collective has
// ended, whether or not it succeeded.
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
