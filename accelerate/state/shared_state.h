// Gives all ranks the state of one.
//
//   const bool is_root = communicator.rank() == 0;
//   const State own = is_root ? part.save() : part.places();
//   const State shared = broadcast_state(communicator, device, own, /*root=*/0);
//   if (!is_root) part.load(shared);
//
// Not for states that are each rank's own.
#pragma once

#include <c10/core/Device.h>

#include "accelerate/comm/communicator.h"
#include "accelerate/state/state.h"

namespace accelerate {

// The root's state, on every rank. A tensor that a rank has under the same name, of the same type,
// sizes and device, is written in place; otherwise it is a new one on `device`. Collective.
State broadcast_state(Communicator& communicator, c10::Device device, const State& own, int root);

}  // namespace accelerate
