// Captured steps on a GPU: one graph from the forward pass to the optimizer.
//
//   ReplayFactory replays = graph_replays(session, GraphRecorder::make(device));
//
// Part of StepKinds; not for others.
#pragma once

#include <memory>

#include "accelerate/capture/replay.h"
#include "accelerate/device/graph.h"

namespace accelerate {

class Session;

// `recorder` is null if the device has no graphs.
ReplayFactory graph_replays(std::shared_ptr<Session> session,
                            std::unique_ptr<GraphRecorder> recorder);

}  // namespace accelerate
