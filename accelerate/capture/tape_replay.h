// Captured steps on the CPU: a tape of operators, with the engine's own work in its place between
// them. A step is recorded twice, in two calls that are steps like all others, and replayed only if
// it did the same in both.
//
//   ReplayFactory replays = tape_replays(session);
//
// Ranks need not record in the same call: what is recorded takes part in collectives as ever.
//
// Part of StepKinds; not for others.
#pragma once

#include <memory>

#include "accelerate/capture/replay.h"

namespace accelerate {

class Session;

ReplayFactory tape_replays(std::shared_ptr<Session> session);

}  // namespace accelerate
