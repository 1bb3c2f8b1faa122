#include "accelerate/device/graph.h"

namespace accelerate {

std::unique_ptr<GraphRecorder> GraphRecorder::make(c10::Device) { return nullptr; }

}  // namespace accelerate
