#include "accelerate/device/graph.h"

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>

namespace accelerate {
namespace {

class CudaGraph : public Graph {
 public:
  void replay() override { graph_.replay(); }
  at::cuda::CUDAGraph& operator*() { return graph_; }

 private:
  at::cuda::CUDAGraph graph_;
};

class CudaGraphRecorder : public GraphRecorder {
 public:
  explicit CudaGraphRecorder(c10::Device device)
      : device_(device),
        stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())),
        pool_(at::cuda::graph_pool_handle()) {}

  void run(const std::function<void()>& work) override {
    const c10::cuda::CUDAGuard device_guard(device_);
    const c10::cuda::CUDAStream current = c10::cuda::getCurrentCUDAStream(device_.index());
    at::cuda::CUDAEvent before, after;
    before.record(current);
    before.block(stream_);
    {
      const c10::cuda::CUDAStreamGuard guard(stream_);
      work();
    }
    after.record(stream_);
    after.block(current);
  }

  std::unique_ptr<Graph> record(const std::function<void()>& work) override {
    auto graph = std::make_unique<CudaGraph>();
    run([&] {
      // Of this thread: those of loaders and of NCCL go on with calls that a recording forbids.
      (**graph).capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
      try {
        work();
      } catch (...) {
        abandon(**graph);
        throw;
      }
      (**graph).capture_end();
    });
    return graph;
  }

 private:
  // Leaves the stream and the allocators as if nothing had been recorded.
  void abandon(at::cuda::CUDAGraph& graph) {
    try {
      graph.capture_end();
      return;
    } catch (const c10::Error&) {
      // As a rule the recording was spoiled by what threw, and the runtime would report that error
      // to the next launch.
      static_cast<void>(cudaGetLastError());
    }
    // What capture_end() does not come to after an error.
    const auto end = [](const std::function<void()>& call) {
      try {
        call();
      } catch (const c10::Error&) {
        // It had ended.
      }
    };
    end([&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(device_.index(), pool_); });
    end([&] { at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool_); });
  }

  c10::Device device_;
  c10::cuda::CUDAStream stream_;
  // One for all recordings, of which no two run at a time.
  at::cuda::MempoolId_t pool_;
};

}  // namespace

std::unique_ptr<GraphRecorder> GraphRecorder::make(c10::Device device) {
  return device.is_cuda() ? std::make_unique<CudaGraphRecorder>(device) : nullptr;
}

}  // namespace accelerate
