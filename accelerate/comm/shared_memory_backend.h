// Collectives between the processes of one host through memory that they share, as a c10d backend.
//
//   auto backend = c10::make_intrusive<SharedMemoryBackend>(meeting, timeout);
//
// A collective starts when it is called and proceeds in wait() and in later calls; there is no
// background thread (see shared_memory/lane.h). Not for tensors on a GPU.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <vector>

#include "accelerate/comm/backend.h"
#include "accelerate/comm/shared_memory/meeting.h"
#include "accelerate/comm/tensor_collective.h"

namespace accelerate::internal {

class SharedMemoryBackend : public c10d::Backend, public OwnBackend {
 public:
  // Takes a meeting without an obstacle whose ranks are all on one host.
  SharedMemoryBackend(Meeting meeting, std::chrono::milliseconds timeout);

  const std::string getBackendName() const override { return "shared_memory"; }
  void tag_next(int64_t tag) override { next_tag_ = tag; }

  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors,
                                           const c10d::AllreduceOptions& options) override;
  c10::intrusive_ptr<c10d::Work> broadcast(std::vector<at::Tensor>& tensors,
                                           const c10d::BroadcastOptions& options) override;
  c10::intrusive_ptr<c10d::Work> allgather(std::vector<std::vector<at::Tensor>>& outputs,
                                           std::vector<at::Tensor>& inputs,
                                           const c10d::AllgatherOptions& options) override;
  c10::intrusive_ptr<c10d::Work> _allgather_base(at::Tensor& output, at::Tensor& input,
                                                 const c10d::AllgatherOptions& options) override;
  c10::intrusive_ptr<c10d::Work> reduce_scatter(std::vector<at::Tensor>& outputs,
                                                std::vector<std::vector<at::Tensor>>& inputs,
                                                const c10d::ReduceScatterOptions& options) override;
  c10::intrusive_ptr<c10d::Work> _reduce_scatter_base(
      at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) override;
  c10::intrusive_ptr<c10d::Work> barrier(const c10d::BarrierOptions& options) override;

 private:
  c10::intrusive_ptr<c10d::Work> start(std::shared_ptr<TensorCollective> collective,
                                       std::chrono::milliseconds timeout);

  const std::chrono::milliseconds timeout_;
  std::shared_ptr<Region> region_;
  std::shared_ptr<Lane> lane_;
  int64_t next_tag_ = 0;
};

}  // namespace accelerate::internal
