#include "accelerate/comm/shared_memory_backend.h"

#include <c10/util/Exception.h>

#include <utility>

namespace accelerate::internal {
namespace {

class LaneWork : public c10d::Work {
 public:
  LaneWork(std::shared_ptr<Region> region, std::shared_ptr<Lane> lane,
           std::shared_ptr<TensorCollective> collective, std::chrono::milliseconds timeout)
      : region_(std::move(region)),
        lane_(std::move(lane)),
        collective_(std::move(collective)),
        timeout_(timeout) {}

  bool isCompleted() override {
    try {
      if (!exception_) return lane_->poll(*collective_);
    } catch (...) {
      exception_ = std::current_exception();
    }
    return true;
  }
  bool isSuccess() const override { return collective_->complete && !exception_; }
  std::exception_ptr exception() const override { return exception_; }
  std::vector<at::Tensor> result() override { return collective_->tensors; }
  // Nothing is left to be put in order once it is complete.
  void synchronize() override { wait(kNoTimeout); }

  bool wait(std::chrono::milliseconds timeout) override {
    lane_->wait(*collective_, timeout == kNoTimeout ? timeout_ : timeout);
    return true;
  }

 private:
  // Outlives the lane in it.
  std::shared_ptr<Region> region_;
  std::shared_ptr<Lane> lane_;
  std::shared_ptr<TensorCollective> collective_;
  const std::chrono::milliseconds timeout_;
  std::exception_ptr exception_;
};

}  // namespace

SharedMemoryBackend::SharedMemoryBackend(Meeting meeting, std::chrono::milliseconds timeout)
    : Backend(meeting.peers.own, meeting.peers.size()),
      timeout_(timeout),
      region_(meeting.region),
      lane_(std::make_shared<Lane>(meeting.lane_memory(0), meeting.peers)) {}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::start(
    std::shared_ptr<TensorCollective> collective, std::chrono::milliseconds timeout) {
  collective->signature.tag = std::exchange(next_tag_, 0);
  lane_->start(collective);
  return c10::make_intrusive<LaneWork>(region_, lane_, std::move(collective),
                                       timeout == c10d::kUnsetTimeout ? timeout_ : timeout);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::allreduce(
    std::vector<at::Tensor>& tensors, const c10d::AllreduceOptions& options) {
  return start(all_reduce_of(only_one(tensors), options.reduceOp, size_), options.timeout);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::broadcast(
    std::vector<at::Tensor>& tensors, const c10d::BroadcastOptions& options) {
  const int root = static_cast<int>(options.rootRank);
  return start(broadcast_of(only_one(tensors), root, root == rank_), options.timeout);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::allgather(
    std::vector<std::vector<at::Tensor>>& outputs, std::vector<at::Tensor>& inputs,
    const c10d::AllgatherOptions& options) {
  check_one_each(only_one(outputs).size(), size_);
  return start(all_gather_of(only_one(inputs), outputs[0]), options.timeout);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::_allgather_base(
    at::Tensor& output, at::Tensor& input, const c10d::AllgatherOptions& options) {
  return start(all_gather_of(input, parts_of(output, size_)), options.timeout);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::reduce_scatter(
    std::vector<at::Tensor>& outputs, std::vector<std::vector<at::Tensor>>& inputs,
    const c10d::ReduceScatterOptions& options) {
  check_one_each(only_one(inputs).size(), size_);
  return start(reduce_scatter_of(only_one(outputs), inputs[0], options.reduceOp, size_),
               options.timeout);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::_reduce_scatter_base(
    at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) {
  return start(reduce_scatter_of(output, parts_of(input, size_), options.reduceOp, size_),
               options.timeout);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::barrier(const c10d::BarrierOptions& options) {
  return start(barrier_of(), options.timeout);
}

}  // namespace accelerate::internal
