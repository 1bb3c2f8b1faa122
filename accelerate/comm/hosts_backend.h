// Collectives between several hosts with several processes each: through shared memory inside a
// host, and over Gloo between the first ranks of the hosts, their leaders. So each host sends its
// data once, however many processes it has.
//
//   HostsBackend backend(meeting, gloo_of_leaders, rank, size, timeout);
//
// A sum is computed inside each host in rank order, and then over the hosts in their order. It has
// the same bits on every rank, in a reduce-scatter and in an all-reduce, but not the bits of one
// host with as many processes. The sum of a host is rounded to the tensor's type, and the total is
// rounded once more.
//
// Offers what a Communicator needs: all-reduce, reduce-scatter, broadcast, all-gather and barrier.
// A collective advances in wait(), in isCompleted() and in later calls.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <vector>

#include "accelerate/comm/backend.h"
#include "accelerate/comm/shared_memory/meeting.h"
#include "accelerate/comm/tensor_collective.h"

namespace accelerate::internal {

using Works = std::vector<c10::intrusive_ptr<c10d::Work>>;

// Starts the next transfers between the hosts. Called when all transfers of the previous step are
// complete.
using HostsStep = std::function<Works(c10d::Backend& leaders)>;

// A collective, divided into stages. A stage that it does not need is empty.
struct HostsOperation {
  std::shared_ptr<TensorCollective> inside;
  // Run on leaders, one after the other.
  std::vector<HostsStep> between;
  std::shared_ptr<TensorCollective> back_inside;
  std::function<void()> at_end;

  // ---- Progress
  enum class Stage { kInside, kBetween, kBackInside, kComplete };
  Stage stage = Stage::kInside;
  Works works;
  size_t steps_begun = 0;  // How many of `between` have begun.
};

// Advances collectives in the order in which they were started. Thread-safe.
class HostsProgress {
 public:
  HostsProgress(Meeting meeting, c10::intrusive_ptr<c10d::Backend> leaders);

  void start(std::shared_ptr<HostsOperation> operation);
  // Advances what it can without waiting, and returns whether this operation is complete.
  bool poll(const HostsOperation& operation);
  void wait(const HostsOperation& operation, std::chrono::milliseconds timeout);

  const Meeting& meeting() const { return meeting_; }

 private:
  bool advance(HostsOperation& operation, bool blocking, std::chrono::milliseconds timeout);
  void poll_all();
  template <class Function>
  void guard(Function&& function);

  Meeting meeting_;
  c10::intrusive_ptr<c10d::Backend> leaders_;
  // Collectives inside a host run in the order of their starts, and those back inside in the order
  // in which the first ones complete. How the two mix differs between ranks, hence two lanes.
  Lane inside_, back_inside_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<HostsOperation>> under_way_;
};

class HostsBackend : public c10d::Backend, public OwnBackend {
 public:
  static constexpr int kNumLanes = 2;

  // `leaders`: on leaders, a backend between all leaders in the order of the hosts; null on other
  // ranks.
  HostsBackend(Meeting meeting, c10::intrusive_ptr<c10d::Backend> leaders, int rank, int size,
               std::chrono::milliseconds timeout);

  const std::string getBackendName() const override { return "shared_memory and gloo"; }
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
  c10::intrusive_ptr<c10d::Work> _reduce_scatter_base(
      at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) override;
  c10::intrusive_ptr<c10d::Work> barrier(const c10d::BarrierOptions& options) override;

 private:
  c10::intrusive_ptr<c10d::Work> start(CollectiveKind called, HostsOperation operation,
                                       std::chrono::milliseconds timeout);
  // `gathered`: a row of bytes for each rank; the rows of one host follow one another.
  HostsOperation gather_stages(const at::Tensor& input, const at::Tensor& gathered) const;
  // For a tensor with `size_each` elements for each rank, how many elements are for the ranks of
  // each host.
  std::vector<int64_t> sizes_of_hosts(int64_t size_each) const;
  bool is_leader() const { return progress_->meeting().peers.own == 0; }
  int own_host() const { return static_cast<int>(progress_->meeting().own_host); }

  const std::chrono::milliseconds timeout_;
  std::shared_ptr<HostsProgress> progress_;
  // All ranks, grouped by host, and whether this order is 0, 1, 2, ...
  std::vector<int64_t> by_host_;
  bool is_in_rank_order_ = true;
  int64_t next_tag_ = 0;
};

}  // namespace accelerate::internal
