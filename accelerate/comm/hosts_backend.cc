#include "accelerate/comm/hosts_backend.h"

#include <ATen/Functions.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
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

// Each host gives its piece to all others.
Works broadcast_each(c10d::Backend& leaders, const std::vector<at::Tensor>& pieces) {
  Works works;
  for (size_t host = 0; host < pieces.size(); ++host) {
    for (auto& work : broadcast_bytes(leaders, pieces[host], static_cast<int>(host)))
      works.push_back(std::move(work));
  }
  return works;
}

void check_size(const at::Tensor& given, const at::Tensor& result) {
  TORCH_CHECK(given.numel() == result.numel() && given.scalar_type() == result.scalar_type(),
              "a part has ", given.numel(), ' ', given.scalar_type(), ", but ", result.numel(), ' ',
              result.scalar_type(),
              " were expected; give every rank a tensor of the same size and type");
}

// Up to here the hosts exchange everything at once: to meet once more costs longer than to send.
constexpr int64_t kSendAllBytes = int64_t{128} << 10;

// Of elements that lie one behind the other, whatever the strides.
at::Tensor flat(const at::Tensor& tensor) { return tensor.as_strided({tensor.numel()}, {1}); }

// Each host gives each of the others a piece, and gets one of the own size from each.
Works exchange(c10d::Backend& leaders, const at::Tensor& given, const std::vector<int64_t>& sizes,
               const at::Tensor& received) {
  std::vector<int64_t> bytes_given, bytes_received;
  for (const int64_t size : sizes) {
    bytes_given.push_back(size * static_cast<int64_t>(given.element_size()));
    bytes_received.push_back(static_cast<int64_t>(received.nbytes() / sizes.size()));
  }
  at::Tensor to = bytes_of(received), from = bytes_of(given);
  return {leaders.alltoall_base(to, from, bytes_received, bytes_given)};
}

// What is left to do with the hosts' results, once each rank's part of a mean has been divided.
c10d::ReduceOp::RedOpType between_hosts(c10d::ReduceOp::RedOpType operation) {
  return operation == c10d::ReduceOp::AVG ? c10d::ReduceOp::SUM : operation;
}

// Of the hosts' tensors, in place: each number's result is that of the hosts in their order,
// wherever it lies in the tensor.
std::vector<HostsStep> all_reduce_between(const at::Tensor& tensor,
                                          c10d::ReduceOp::RedOpType operation, size_t num_hosts,
                                          int own_host) {
  const auto count = static_cast<int64_t>(num_hosts);
  if (static_cast<int64_t>(tensor.nbytes()) * count <= kSendAllBytes) {
    const at::Tensor received = at::empty({count, tensor.numel()}, tensor.options());
    return {[tensor, received](c10d::Backend& leaders) -> Works {
              at::Tensor to = bytes_of(received), from = bytes_of(tensor);
              return {leaders._allgather_base(to, from)};
            },
            [tensor, received, operation](c10d::Backend&) {
              combine_into(tensor, received.unbind(), operation);
              return Works();
            }};
  }
  // The sum of two is the same in any order, and Gloo adds up while more is on its way.
  if (num_hosts == 2 && operation == c10d::ReduceOp::SUM &&
      (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble)) {
    return {[tensor, operation](c10d::Backend& leaders) -> Works {
      std::vector<at::Tensor> tensors{tensor};
      return {leaders.allreduce(tensors, {.reduceOp = operation})};
    }};
  }
  // Each host adds up a piece for all.
  std::vector<int64_t> sizes;
  for (int64_t host = 0; host < count; ++host)
    sizes.push_back(tensor.numel() / count + (host < tensor.numel() % count ? 1 : 0));
  const std::vector<at::Tensor> pieces = tensor.split_with_sizes(sizes);
  const at::Tensor own = pieces[own_host];
  const at::Tensor received = at::empty({count, own.numel()}, tensor.options());
  return {[tensor, sizes, received](c10d::Backend& leaders) {
            return exchange(leaders, tensor, sizes, received);
          },
          [pieces, own, received, operation](c10d::Backend& leaders) {
            combine_into(own, received.unbind(), operation);
            return broadcast_each(leaders, pieces);
          }};
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
      operation.stage = Stage::kBetween;
      return true;
    case Stage::kBetween:
      for (const auto& work : operation.works) {
        if (!blocking && !work->isCompleted()) return false;
        work->wait();
      }
      operation.works.clear();
      if (leaders_ && operation.steps_begun < operation.between.size()) {
        operation.works = operation.between[operation.steps_begun++](*leaders_);
        return true;
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
      progress_(std::make_shared<HostsProgress>(std::move(meeting), std::move(leaders))) {
  for (const std::vector<int>& ranks : progress_->meeting().hosts)
    by_host_.insert(by_host_.end(), ranks.begin(), ranks.end());
  is_in_rank_order_ = std::is_sorted(by_host_.begin(), by_host_.end());
}

c10::intrusive_ptr<c10d::Work> HostsBackend::start(CollectiveKind called, HostsOperation operation,
                                                   std::chrono::milliseconds timeout) {
  const int64_t tag = std::exchange(next_tag_, 0);
  for (const auto& part : {operation.inside, operation.back_inside}) {
    if (!part) continue;
    part->signature.called = called;
    part->signature.tag = tag;
  }
  auto shared = std::make_shared<HostsOperation>(std::move(operation));
  progress_->start(shared);
  return c10::make_intrusive<HostsWork>(progress_, std::move(shared),
                                        timeout == c10d::kUnsetTimeout ? timeout_ : timeout);
}

std::vector<int64_t> HostsBackend::sizes_of_hosts(int64_t size_each) const {
  std::vector<int64_t> sizes;
  for (const std::vector<int>& ranks : progress_->meeting().hosts)
    sizes.push_back(static_cast<int64_t>(ranks.size()) * size_each);
  return sizes;
}

c10::intrusive_ptr<c10d::Work> HostsBackend::allreduce(std::vector<at::Tensor>& tensors,
                                                       const c10d::AllreduceOptions& options) {
  const at::Tensor& tensor = only_one(tensors);
  const c10d::ReduceOp::RedOpType operation = options.reduceOp;
  HostsOperation stages;
  stages.inside = reduce_of(tensor, is_leader() ? tensor : at::Tensor(), operation, size_);
  stages.back_inside = broadcast_of(tensor, 0, is_leader());
  if (is_leader() && tensor.numel() > 0) {
    stages.between = all_reduce_between(flat(tensor), between_hosts(operation),
                                        progress_->meeting().hosts.size(), own_host());
  }
  return start(CollectiveKind::kAllReduce, std::move(stages), options.timeout);
}

// The leader gets the sum of its host, and each host the sums for its ranks.
c10::intrusive_ptr<c10d::Work> HostsBackend::_reduce_scatter_base(
    at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) {
  const at::Tensor own_part = parts_of(input, size_)[rank_];
  check_size(own_part, output);
  const int64_t part = own_part.numel();
  const c10d::ReduceOp::RedOpType operation = options.reduceOp;
  HostsOperation stages;
  at::Tensor sum;
  std::vector<at::Tensor> own_parts;
  if (is_leader()) {
    const std::vector<int64_t> sizes = sizes_of_hosts(part);
    const int64_t own_size = sizes[own_host()];
    sum = at::empty({size_, part}, input.options());
    // In the place of what has been sent.
    const at::Tensor own = flat(sum).narrow(0, 0, own_size);
    const at::Tensor received =
        at::empty({static_cast<int64_t>(sizes.size()), own_size}, input.options());
    own_parts = own.view({progress_->meeting().peers.size(), part}).unbind();
    stages.between.emplace_back([sum, sizes, received, by_host = by_host_,
                                 is_in_order = is_in_rank_order_](c10d::Backend& leaders) -> Works {
      if (sum.numel() == 0) return {};
      const at::Tensor ordered = is_in_order ? sum : sum.index_select(0, at::tensor(by_host));
      return exchange(leaders, ordered, sizes, received);
    });
    stages.between.emplace_back([own, received, operation](c10d::Backend&) {
      combine_into(own, received.unbind(), between_hosts(operation));
      return Works();
    });
  }
  stages.inside = reduce_of(input, sum, operation, size_);
  stages.back_inside = scatter_of(output, own_parts, 0);
  return start(CollectiveKind::kReduceScatter, std::move(stages), options.timeout);
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
  stages.between.emplace_back([tensor, host_of_root](c10d::Backend& leaders) {
    return broadcast_bytes(leaders, tensor, host_of_root);
  });
  return start(CollectiveKind::kBroadcast, std::move(stages), options.timeout);
}

HostsOperation HostsBackend::gather_stages(const at::Tensor& input,
                                           const at::Tensor& gathered) const {
  std::vector<at::Tensor> parts_of_hosts, own_rows;
  for (int64_t row = 0; const int64_t num_rows : sizes_of_hosts(1)) {
    parts_of_hosts.push_back(gathered.narrow(0, row, num_rows));
    row += num_rows;
  }
  if (is_leader()) own_rows = parts_of_hosts[own_host()].unbind();
  HostsOperation stages;
  stages.inside = all_gather_of(input, own_rows);
  stages.between.emplace_back(
      [parts_of_hosts](c10d::Backend& leaders) { return broadcast_each(leaders, parts_of_hosts); });
  stages.back_inside = broadcast_of(gathered, 0, is_leader());
  return stages;
}

c10::intrusive_ptr<c10d::Work> HostsBackend::allgather(
    std::vector<std::vector<at::Tensor>>& outputs, std::vector<at::Tensor>& inputs,
    const c10d::AllgatherOptions& options) {
  const at::Tensor& input = only_one(inputs);
  const std::vector<at::Tensor> results = only_one(outputs);
  check_one_each(results.size(), size_);
  for (const at::Tensor& result : results) check_size(input, result);
  const at::Tensor gathered = at::empty({size_, static_cast<int64_t>(input.nbytes())}, at::kByte);
  HostsOperation stages = gather_stages(input, gathered);
  stages.at_end = [gathered, results, by_host = by_host_] {
    for (size_t i = 0; i < by_host.size(); ++i)
      bytes_of(results[by_host[i]]).copy_(gathered[static_cast<int64_t>(i)]);
  };
  return start(CollectiveKind::kAllGather, std::move(stages), options.timeout);
}

c10::intrusive_ptr<c10d::Work> HostsBackend::_allgather_base(
    at::Tensor& output, at::Tensor& input, const c10d::AllgatherOptions& options) {
  std::vector<std::vector<at::Tensor>> outputs{parts_of(output, size_)};
  std::vector<at::Tensor> inputs{input};
  if (!is_in_rank_order_) return allgather(outputs, inputs, options);
  check_size(input, outputs[0][rank_]);
  const at::Tensor gathered = bytes_of(output).view({size_, static_cast<int64_t>(input.nbytes())});
  return start(CollectiveKind::kAllGather, gather_stages(input, gathered), options.timeout);
}

c10::intrusive_ptr<c10d::Work> HostsBackend::barrier(const c10d::BarrierOptions& options) {
  HostsOperation stages;
  stages.inside = barrier_of();
  stages.between.emplace_back([](c10d::Backend& leaders) { return Works{leaders.barrier()}; });
  stages.back_inside = barrier_of();
  return start(CollectiveKind::kBarrier, std::move(stages), options.timeout);
}

}  // namespace accelerate::internal
