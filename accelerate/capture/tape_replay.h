// Captured steps on the CPU: a tape of operators, with the engine's own work in its place between
// them. A step is recorded in two calls, which are steps like all others, and replayed only if it
// did the same in both.
//
//   ReplayFactory replays = tape_replays({.models = session->models(),
//                                         .optimizers = session->optimizers(),
//                                         .uneven_inputs = session->uneven_inputs()});
//
// Ranks need not record in the same call: a call that is recorded takes part in collectives as
// usual.
//
// Part of StepKinds; not for others.
#pragma once

#include "accelerate/capture/replay.h"
#include "accelerate/engine/model_set.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/engine/uneven_inputs.h"

namespace accelerate {

// What a recorded step uses; all of it must outlive the replays.
struct TapedParts {
  ModelSet& models;
  OptimizerSteps& optimizers;
  const UnevenInputs& uneven_inputs;
};

ReplayFactory tape_replays(const TapedParts& parts);

}  // namespace accelerate
