// Work of a device that is recorded once and then launched as a whole, without the host's part of
// it: on a GPU, a CUDA graph.
//
//   auto recorder = GraphRecorder::make(device);
//   recorder->run([&] { step(batch); });                           // first runs, as a warm-up
//   std::unique_ptr<Graph> graph = recorder->record([&] { step(batch); });
//   graph->replay();
//
// A replay reads and writes the same memory as the recorded work. Not for work that waits for the
// device, or whose launches depend on values. Not thread-safe.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace accelerate {

class Graph {
 public:
  virtual ~Graph() = default;
  // Launches it on the current stream; does not wait.
  virtual void replay() = 0;
};

class GraphRecorder {
 public:
  // Returns null if this kind of device has no graphs.
  static std::unique_ptr<GraphRecorder> make(c10::Device device);
  virtual ~GraphRecorder() = default;

  // Does the work on the recorder's stream, after what the current stream has before it and before
  // what comes after it. Whatever a first run sets up then exists for the recording.
  virtual void run(const std::function<void()>& work) = 0;
  // Calls the function; its work on the device is recorded and not executed. Throws what the
  // function throws, and c10::Error if something in it cannot be recorded.
  virtual std::unique_ptr<Graph> record(const std::function<void()>& work) = 0;
};

}  // namespace accelerate
