#include "accelerate/comm/hosts_backend.h"

#include <ATen/Functions.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <utility>

namespace accelerate::internal {
namespace {

class HostsWork : public c10d::Work {
 public:
  HostsWork(std::shared_ptr<HostsProgress> progress, std::shared_ptr<HostsOperation> operation,
            std::chrono::milliseconds timeout)
      : progress_(std::move(progress)), operation_(std::move(operation)), timeout_(timeout) {}

  bool isCompleted() override {
    try {
      if (!exception_) return progress_->poll(*operation_);
    } catch (...) {
      exception_ = std::current_exception();
    }
    return true;
  }
  bool isSuccess() const override {
    return operation_->stage == HostsOperation::Stage::kComplete && !exception_;
  }
  std::exception_ptr exception() const override { return exception_; }
  void synchronize() override { wait(kNoTimeout); }

  bool wait(std::chrono::milliseconds timeout) override {
    progress_->wait(*operation_, timeout == kNoTimeout ? timeout_ : timeout);
    return true;
  }

 private:
  std::shared_ptr<HostsProgress> progress_;
  std::shared_ptr<HostsOperation> operation_;
  const std::chrono::milliseconds timeout_;
  std::exception_ptr exception_;
};

// The memory of a dense tensor, which it keeps: Gloo carries bytes of whatever type.
at::Tensor bytes_of(const at::Tensor& tensor) {
  return at::from_blob(
      tensor.data_ptr(), {static_cast<int64_t>(tensor.nbytes())}, [tensor](void*) {}, at::kByte);
}

Works broadcast_bytes(c10d::Backend& leaders, const at::Tensor& tensor, int root) {
  // Gloo does not take empty tensors.
  if (tensor.numel() == 0) return {};
  std::vector<at::Tensor> tensors{bytes_of(tensor)};
  c10d::BroadcastOptions options;
  options.rootRank = root;
  return {leaders.broadcast(tensors, options)};
}

// What is left to do with the hosts' results, once each rank's part of a mean has been divided.
c10d::ReduceOp::RedOpType between_hosts(c10d::ReduceOp::RedOpType operation, c10::ScalarType type) {
  if (operation == c10d::ReduceOp::AVG) return c10d::ReduceOp::SUM;
  // Gloo would add truths up as numbers.
  if (operation == c10d::ReduceOp::SUM && type == at::kBool) return c10d::ReduceOp::MAX;
  return operation;
}

}  // namespace

// ---- HostsProgress

HostsProgress::HostsProgress(Meeting meeting, c10::intrusive_ptr<c10d::Backend> leaders)
    : meeting_(std::move(meeting)),
      leaders_(std::move(leaders)),
      inside_(meeting_.lane_memory(0), meeting_.peers),
      back_inside_(meeting_.lane_memory(1), meeting_.peers) {}

// Does the next of an operation's stages; not `blocking`: only what needs no waiting. False where
// it has to wait.
bool HostsProgress::advance(HostsOperation& operation, bool blocking,
                            std::chrono::milliseconds timeout) {
  const auto is_done = [&](Lane& lane, const std::shared_ptr<TensorCollective>& collective) {
    if (collective && blocking) lane.wait(*collective, timeout);
    return !collective || lane.poll(*collective);
  };
  using Stage = HostsOperation::Stage;
  switch (operation.stage) {
    case Stage::kInside:
      if (!is_done(inside_, operation.inside)) return false;
      if (leaders_ && operation.between) operation.works = operation.between(*leaders_);
      operation.stage = Stage::kBetween;
      return true;
    case Stage::kBetween:
      for (const auto& work : operation.works) {
        if (!blocking && !work->isCompleted()) return false;
        work->wait();
      }
      if (operation.back_inside) back_inside_.start(operation.back_inside);
      operation.stage = Stage::kBackInside;
      return true;
    case Stage::kBackInside:
      if (!is_done(back_inside_, operation.back_inside)) return false;
      if (operation.at_end) operation.at_end();
      operation.stage = Stage::kComplete;
      return true;
    case Stage::kComplete:
      return false;
  }
  return false;
}

// After an error of any part the others of this host learn of it; those of other hosts do when the
// leader ends and its connections with it.
template <class Function>
void HostsProgress::guard(Function&& function) {
  const auto give_up = [&](const std::string& reason) {
    inside_.give_up(reason);
    back_inside_.give_up(reason);
  };
  try {
    function();
  } catch (const c10::Error& error) {
    give_up(error.what_without_backtrace());
    throw;
  } catch (const std::exception& error) {
    give_up(error.what());
    throw;
  }
}

void HostsProgress::start(std::shared_ptr<HostsOperation> operation) {
  const std::lock_guard lock(mutex_);
  guard([&] {
    if (operation->inside) inside_.start(operation->inside);
    under_way_.push_back(operation);
    poll_all();
  });
}

void HostsProgress::poll_all() {
  while (!under_way_.empty()) {
    HostsOperation& first = *under_way_.front();
    while (advance(first, /*blocking=*/false, {})) {
    }
    if (first.stage != HostsOperation::Stage::kComplete) return;
    under_way_.pop_front();
  }
}

bool HostsProgress::poll(const HostsOperation& operation) {
  const std::lock_guard lock(mutex_);
  guard([&] { poll_all(); });
  return operation.stage == HostsOperation::Stage::kComplete;
}

void HostsProgress::wait(const HostsOperation& operation, std::chrono::milliseconds timeout) {
  const std::lock_guard lock(mutex_);
  guard([&] {
    while (operation.stage != HostsOperation::Stage::kComplete) {
      while (advance(*under_way_.front(), /*blocking=*/true, timeout)) {
      }
      under_way_.pop_front();
    }
  });
}

// ---- HostsBackend

HostsBackend::HostsBackend(Meeting meeting, c10::intrusive_ptr<c10d::Backend> leaders, int rank,
                           int size, std::chrono::milliseconds timeout)
    : Backend(rank, size),
      timeout_(timeout),
      progress_(std::make_shared<HostsProgress>(std::move(meeting), std::move(leaders))) {}

c10::intrusive_ptr<c10d::Work> HostsBackend::start(HostsOperation operation,
                                                   std::chrono::milliseconds timeout) {
  const int64_t tag = std::exchange(next_tag_, 0);
  if (operation.inside) operation.inside->signature.tag = tag;
  if (operation.back_inside) operation.back_inside->signature.tag = tag;
  auto shared = std::make_shared<HostsOperation>(std::move(operation));
  progress_->start(shared);
  return c10::make_intrusive<HostsWork>(progress_, std::move(shared),
                                        timeout == c10d::kUnsetTimeout ? timeout_ : timeout);
}

HostsOperation HostsBackend::all_reduce_stages(const at::Tensor& tensor,
                                               c10d::ReduceOp::RedOpType operation) const {
  HostsOperation stages;
  stages.inside = all_reduce_of(tensor, operation, size_);
  stages.between = [tensor, operation](c10d::Backend& leaders) -> Works {
    if (tensor.numel() == 0) return {};
    std::vector<at::Tensor> flat{tensor.as_strided({tensor.numel()}, {1})};
    return {leaders.allreduce(flat, {.reduceOp = between_hosts(operation, tensor.scalar_type())})};
  };
  stages.back_inside = broadcast_of(tensor, 0, is_leader());
  return stages;
}

c10::intrusive_ptr<c10d::Work> HostsBackend::allreduce(std::vector<at::Tensor>& tensors,
                                                       const c10d::AllreduceOptions& options) {
  return start(all_reduce_stages(only_one(tensors), options.reduceOp), options.timeout);
}

// The sum of everything, of which each rank keeps its part: the parts of a host's ranks need not
// lie behind each other, so that what goes between the hosts is the same.
c10::intrusive_ptr<c10d::Work> HostsBackend::_reduce_scatter_base(
    at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) {
  const at::Tensor sum = input.clone();
  const at::Tensor own = parts_of(sum, size_)[rank_];
  TORCH_CHECK(own.numel() == output.numel(), "a part of ", output.numel(), " elements for one of ",
              own.numel(), "; give every rank as much");
  HostsOperation stages = all_reduce_stages(sum, options.reduceOp);
  stages.at_end = [own, output] { output.view({-1}).copy_(own); };
  return start(std::move(stages), options.timeout);
}

c10::intrusive_ptr<c10d::Work> HostsBackend::broadcast(std::vector<at::Tensor>& tensors,
                                                       const c10d::BroadcastOptions& options) {
  const at::Tensor& tensor = only_one(tensors);
  const auto& hosts = progress_->meeting().hosts;
  const int rank_of_root = static_cast<int>(options.rootRank);
  const auto has_root = [rank_of_root](const std::vector<int>& ranks) {
    return std::find(ranks.begin(), ranks.end(), rank_of_root) != ranks.end();
  };
  const auto host = std::find_if(hosts.begin(), hosts.end(), has_root);
  TORCH_CHECK(host != hosts.end(), "there is no rank ", rank_of_root,
              " to broadcast from; ranks go from 0 to ", size_ - 1);
  const int host_of_root = static_cast<int>(host - hosts.begin());
  HostsOperation stages;
  if (host_of_root == own_host()) {
    const auto root = std::find(host->begin(), host->end(), rank_of_root);
    stages.inside =
        broadcast_of(tensor, static_cast<int>(root - host->begin()), rank_of_root == rank_);
  } else {
    stages.back_inside = broadcast_of(tensor, 0, is_leader());
  }
  stages.between = [tensor, host_of_root](c10d::Backend& leaders) {
    return broadcast_bytes(leaders, tensor, host_of_root);
  };
  return start(std::move(stages), options.timeout);
}

c10::intrusive_ptr<c10d::Work> HostsBackend::allgather(
    std::vector<std::vector<at::Tensor>>& outputs, std::vector<at::Tensor>& inputs,
    const c10d::AllgatherOptions& options) {
  const at::Tensor& input = only_one(inputs);
  const std::vector<at::Tensor>& results = only_one(outputs);
  check_one_each(results.size(), size_);
  // A row for each rank, those of a host one behind the other.
  const int64_t row_bytes = static_cast<int64_t>(input.nbytes());
  const at::Tensor gathered = at::empty({size_, row_bytes}, at::kByte);
  std::vector<at::Tensor> own_rows, results_in_order, parts_of_hosts;
  int64_t row = 0;
  for (const std::vector<int>& ranks : progress_->meeting().hosts) {
    const auto num_rows = static_cast<int64_t>(ranks.size());
    const bool own = static_cast<int>(parts_of_hosts.size()) == own_host();
    parts_of_hosts.push_back(gathered.narrow(0, row, num_rows));
    for (const int rank : ranks) {
      if (own) own_rows.push_back(gathered[row]);
      results_in_order.push_back(results[rank]);
      ++row;
    }
  }
  HostsOperation stages;
  stages.inside = all_gather_of(input, own_rows);
  stages.between = [parts_of_hosts](c10d::Backend& leaders) {
    Works works;
    for (size_t host = 0; host < parts_of_hosts.size(); ++host) {
      for (auto& work : broadcast_bytes(leaders, parts_of_hosts[host], static_cast<int>(host)))
        works.push_back(std::move(work));
    }
    return works;
  };
  stages.back_inside = broadcast_of(gathered, 0, is_leader());
  stages.at_end = [gathered, results_in_order] {
    for (size_t i = 0; i < results_in_order.size(); ++i)
      bytes_of(results_in_order[i]).copy_(gathered[static_cast<int64_t>(i)]);
  };
  return start(std::move(stages), options.timeout);
}

c10::intrusive_ptr<c10d::Work> HostsBackend::_allgather_base(
    at::Tensor& output, at::Tensor& input, const c10d::AllgatherOptions& options) {
  std::vector<std::vector<at::Tensor>> outputs{parts_of(output, size_)};
  std::vector<at::Tensor> inputs{input};
  return allgather(outputs, inputs, options);
}

c10::intrusive_ptr<c10d::Work> HostsBackend::barrier(const c10d::BarrierOptions& options) {
  HostsOperation stages;
  stages.inside = barrier_of();
  stages.between = [](c10d::Backend& leaders) { return Works{leaders.barrier()}; };
  stages.back_inside = barrier_of();
  return start(std::move(stages), options.timeout);
}

}  // namespace accelerate::internal
