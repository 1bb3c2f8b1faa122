// Work of a device that is recorded once and then launched whole, without the host's part of it: on
// a GPU a CUDA graph.
//
//   auto recorder = GraphRecorder::make(device);
//   recorder->run([&] { step(batch); });                           // first runs, as a warm-up
//   std::unique_ptr<Graph> graph = recorder->record([&] { step(batch); });
//   graph->replay();
//
// What is recorded reads and writes the memory that it read and wrote then. Not for work that waits
// for the device, or whose launches depend on values. Not thread-safe.
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
  // Null where such a device has no graphs.
  static std::unique_ptr<GraphRecorder> make(c10::Device device);
  virtual ~GraphRecorder() = default;

  // Does the work on the stream of the recordings, between what the current stream has before and
  // after: what a first run sets up on the way is then there for the recording.
  virtual void run(const std::function<void()>& work) = 0;
  // Calls the function, whose work on the device is recorded and not done. Throws what the function
  // throws, and c10::Error when something in it cannot be recorded.
  virtual std::unique_ptr<Graph> record(const std::function<void()>& work) = 0;
};

}  // namespace accelerate
