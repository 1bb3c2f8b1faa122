#include "accelerate/device/graph.h"

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>

#include "accelerate/libtorch/tested_version.h"

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
        pool_(at::cuda::graph_pool_handle()),
        something_(at::zeros({1}, at::TensorOptions(device))) {}

  void run(const std::function<void()>& work) override {
    const c10::cuda::CUDAGuard device_guard(device_);
    const Interlude interlude(stream_);
    const c10::cuda::CUDAStreamGuard guard(stream_);
    work();
  }

  std::unique_ptr<Graph> record(const std::function<void()>& work) override {
    auto graph = std::make_unique<CudaGraph>();
    run([&] {
      // The pool ends with the last graph in it, and cannot be begun again.
      if (keeper_ == nullptr) keeper_ = record_something(pool_);
      try {
        // Of this thread: those of loaders and of NCCL go on with calls that a recording forbids.
        (**graph).capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
      } catch (...) {
        record_something(at::cuda::graph_pool_handle());
        throw;
      }
      try {
        work();
        (**graph).capture_end();
      } catch (...) {
        abandon(std::move(graph));
        throw;
      }
    });
    return graph;
  }

 private:
  // The current stream goes on when the other has done what comes in between, which begins after
  // what the current one has; whatever is thrown.
  class Interlude {
   public:
    explicit Interlude(c10::cuda::CUDAStream stream)
        : stream_(stream), current_(c10::cuda::getCurrentCUDAStream(stream.device_index())) {
      at::cuda::CUDAEvent before;
      before.record(current_);
      before.block(stream_);
    }
    ~Interlude() {
      at::cuda::CUDAEvent after;
      after.record(stream_);
      after.block(current_);
    }
    Interlude(const Interlude&) = delete;
    Interlude& operator=(const Interlude&) = delete;

   private:
    c10::cuda::CUDAStream stream_;
    c10::cuda::CUDAStream current_;
  };

  // Also ends what a recording that failed has left: the generator of random numbers takes itself
  // to be recorded until a recording ends well.
  std::unique_ptr<CudaGraph> record_something(at::cuda::MempoolId_t pool) {
    auto graph = std::make_unique<CudaGraph>();
    (**graph).capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    something_.zero_();
    (**graph).capture_end();
    return graph;
  }

  // Leaves the stream, the allocators and the random numbers as if nothing had been recorded.
  void abandon(std::unique_ptr<CudaGraph> graph) {
    try {
      (**graph).capture_end();
      return;
    } catch (const c10::Error&) {
      // As a rule the recording was spoiled by what threw, and the runtime would report that error
      // to the next launch.
      static_cast<void>(cudaGetLastError());
    }
    if (has_ended(**graph)) return;
    // What capture_end() and the graph's destructor do not come to after an error; some of it may
    // have been done.
    const auto attempt = [](const std::function<void()>& call) {
      try {
        call();
      } catch (const c10::Error&) {
      }
    };
    at::HostAllocator* host = at::getHostAllocator(at::kCUDA);
    attempt([&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(device_.index(), pool_); });
    attempt([&] { host->end_allocate_to_pool(pool_); });
    const auto uses = [this] {
      return c10::cuda::CUDACachingAllocator::getPoolUseCount(device_.index(), pool_);
    };
    const int before = uses();
    // From LibTorch 2.15 on, this gives the pool back itself.
    graph.reset();
    if (uses() == before) {
      attempt([&] { c10::cuda::CUDACachingAllocator::releasePool(device_.index(), pool_); });
      attempt([&] { host->release_pool(pool_); });
    }
    record_something(at::cuda::graph_pool_handle());
  }

  // Whether the graph's destructor gives the pool back.
  static bool has_ended(at::cuda::CUDAGraph& graph) {
    try {
      graph.pool();
      return true;
    } catch (const c10::Error&) {
      return false;
    }
  }

  c10::Device device_;
  c10::cuda::CUDAStream stream_;
  // One for all recordings, of which no two run at a time.
  at::cuda::MempoolId_t pool_;
  at::Tensor something_;
  std::unique_ptr<CudaGraph> keeper_;
};

}  // namespace

std::unique_ptr<GraphRecorder> GraphRecorder::make(c10::Device device) {
  return device.is_cuda() ? std::make_unique<CudaGraphRecorder>(device) : nullptr;
}

}  // namespace accelerate
