// Captured steps on a GPU: one graph from the forward pass to the optimizer.
//
//   StepReplays replays = graph_replays(session, GraphRecorder::make(device));
//
// Part of StepCapture; not for others.
#pragma once

#include <memory>

#include "accelerate/core/step_replay.h"
#include "accelerate/device/graph.h"

namespace accelerate {

// `recorder` is null where the device has no graphs.
StepReplays graph_replays(std::shared_ptr<Session> session,
                          std::unique_ptr<GraphRecorder> recorder);

}  // namespace accelerate
