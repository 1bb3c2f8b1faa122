#include "accelerate/comm/communicator.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>

#include "accelerate/comm/backend.h"
#include "accelerate/comm/communicator_group.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/phases/phases.h"

namespace accelerate {

using launcher::CollectiveKind;

namespace {

c10d::ReduceOp::RedOpType to_c10d(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return c10d::ReduceOp::SUM;
    case ReduceOp::kMean:
      return c10d::ReduceOp::AVG;
    case ReduceOp::kMax:
      return c10d::ReduceOp::MAX;
    case ReduceOp::kMin:
      return c10d::ReduceOp::MIN;
  }
  TORCH_CHECK(false, "unknown reduce operation");
}

// Collectives read and write memory as it lies, past strides and the negative and conjugate bits.
bool lies_otherwise(const at::Tensor& tensor) {
  return tensor.is_neg() || tensor.is_conj() || !tensor.is_contiguous();
}
at::Tensor as_it_lies(const at::Tensor& tensor) {
  return tensor.resolve_conj().resolve_neg().contiguous();
}

// What backends add up: of complex numbers, which not all of them know, both parts.
at::Tensor added_up(const at::Tensor& tensor) {
  return tensor.is_complex() ? at::view_as_real(tensor) : tensor;
}

// All backends can combine these, if need be carried as another type.
constexpr c10::ScalarType kReduced[] = {at::kFloat, at::kDouble, at::kHalf,  at::kBFloat16,
                                        at::kChar,  at::kByte,   at::kShort, at::kUInt16,
                                        at::kInt,   at::kLong,   at::kBool};

void check_operation(ReduceOp op, const at::Tensor& tensor) {
  TORCH_CHECK(op != ReduceOp::kMean || tensor.is_floating_point() || tensor.is_complex(),
              "the mean of ", tensor.scalar_type(),
              " values is not an integer; convert the tensor to a floating type first");
  TORCH_CHECK(!tensor.is_complex() || op == ReduceOp::kSum || op == ReduceOp::kMean,
              "complex numbers have neither a maximum nor a minimum; reduce their abs()");
  const c10::ScalarType type = c10::toRealValueType(tensor.scalar_type());
  TORCH_CHECK(std::find(std::begin(kReduced), std::end(kReduced), type) != std::end(kReduced),
              "values of type ", type, " cannot be combined over processes; convert the tensor to ",
              c10::isFloatingType(type) ? "float" : "int64", " first");
}

// The sum of truth values is whether any is true; a backend that adds up their bytes makes others
// of them.
ReduceOp fit_for(ReduceOp op, const at::Tensor& tensor) {
  return op == ReduceOp::kSum && tensor.scalar_type() == at::kBool ? ReduceOp::kMax : op;
}

// The largest and the smallest of numbers of which one is NaN is NaN, as for tensors. c10d's
// backends do not all know.
bool may_lose_nan(ReduceOp op, const at::Tensor& tensor) {
  return (op == ReduceOp::kMax || op == ReduceOp::kMin) && tensor.is_floating_point();
}
at::Tensor nan_of(const at::Tensor& tensor) { return at::isnan(tensor).to(at::kByte); }
void bring_nan(at::Tensor& tensor, const at::Tensor& nan) {
  tensor.masked_fill_(nan.to(at::kBool), std::numeric_limits<double>::quiet_NaN());
}

// A wider type, of those that some backends cannot add up, and of short floats whose sum may be
// none of them where their mean is; of others their own.
c10::ScalarType carried_type(c10::ScalarType type, bool divides) {
  if (divides && (type == at::kHalf || type == at::kBFloat16)) return at::kFloat;
  return type == at::kShort || type == at::kUInt16 ? at::kInt : type;
}
// As bytes, where nothing is computed with them.
at::Tensor as_carried(const at::Tensor& tensor) {
  constexpr c10::ScalarType kCarried[] = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16,
                                          at::kChar,  at::kByte,   at::kInt,  at::kLong};
  const bool is_carried = std::find(std::begin(kCarried), std::end(kCarried),
                                    tensor.scalar_type()) != std::end(kCarried);
  return is_carried ? tensor : tensor.view({-1}).view(at::kByte);
}

// Of a collective that the program calls within a step.
void note_for_recording(const char* name) {
  if (auto* recorder = HostWorkRecorder::current()) recorder->on_collective(name);
}

}  // namespace

Communicator::Communicator() = default;
Communicator::Communicator(std::shared_ptr<Group> group) : group_(std::move(group)) {}
Communicator::Communicator(c10::intrusive_ptr<c10d::Backend> backend, c10::Device device,
                           std::chrono::milliseconds timeout)
    : group_(std::make_shared<Group>(Group{nullptr, std::move(backend), device, timeout})) {
  group_->number = next_communicator();
  group_->id = group_->number;
}
Communicator::Communicator(Communicator&&) noexcept = default;
Communicator& Communicator::operator=(Communicator&&) noexcept = default;
Communicator::~Communicator() = default;

int Communicator::rank() const { return group_ ? group_->backend->getRank() : 0; }
int Communicator::size() const { return group_ ? group_->backend->getSize() : 1; }

template <class Start>
void Communicator::run(CollectiveKind kind, const at::Tensor& given, Start&& start) const {
  note_for_recording(to_string(kind));
  begin(kind, given, {}, start).wait();
}

double Communicator::mean_factor() const {
  return !group_ || group_->averages ? 1.0 : 1.0 / size();
}

template <class Start>
PendingCollective Communicator::begin(CollectiveKind kind, const at::Tensor& given,
                                      const CollectiveOptions& options, Start&& start) const {
  const char* const name = to_string(kind);
  TORCH_CHECK(options.tag >= 0, name, ": the tag is ", options.tag, "; give 0 or more");
  const PhaseScope handing_over(Phase::kCommunication);
  // A profiler shows which one it is.
  at::RecordFunction shown(at::RecordScope::USER_SCOPE);
  if (shown.isActive())
    shown.before(c10::str(name, given.defined() ? c10::str(" ", given.sizes()) : "", " #",
                          group_->begun + 1,
                          options.tag > 0 ? c10::str(", tag ", options.tag) : ""));
  PendingCollective pending;
  const launcher::FlightTicket ticket = group_->note_begin(kind, given, options.tag);
  group_->guard(name, [&] {
    if (group_->own_backend != nullptr) group_->own_backend->tag_next(options.tag);
    auto work = start();
    pending.wait_ = [group = group_, name, ticket, work] {
      const PhaseScope communication(Phase::kCommunication);
      const internal::NotedWait waiting(ticket);
      group->guard(name, [&] { work->wait(); });
    };
  });
  return pending;
}

PendingCollective Communicator::start_mean(at::Tensor& tensor, const CollectiveOptions& options) {
  check_operation(ReduceOp::kMean, tensor);
  PendingCollective pending;
  if (!group_) return pending;
  c10::AutoGradMode no_grad(false);
  const ReduceOp op = group_->averages ? ReduceOp::kMean : ReduceOp::kSum;
  if (lies_otherwise(tensor)) {
    at::Tensor lying = as_it_lies(tensor);
    pending = start_mean(lying, options);
    pending.wait_ = [lying, tensor, wait = std::move(pending.wait_)] {
      wait();
      c10::AutoGradMode no_grad(false);
      tensor.copy_(lying);
    };
    return pending;
  }
  return begin(CollectiveKind::kAllReduce, tensor, options, [&] {
    std::vector<at::Tensor> tensors{added_up(tensor)};
    return group_->backend->allreduce(tensors, c10d::AllreduceOptions{.reduceOp = to_c10d(op)});
  });
}

void Communicator::check_parts(const char* name, const at::Tensor& part,
                               const at::Tensor& all) const {
  TORCH_CHECK(part.is_contiguous() && all.is_contiguous() && !lies_otherwise(part) &&
                  !lies_otherwise(all) && part.scalar_type() == all.scalar_type(),
              name, " takes contiguous tensors of one type, without conj() or neg(); here are ",
              part.scalar_type(), " and ", all.scalar_type());
  TORCH_CHECK(all.numel() == size() * part.numel(), name, ": ", size(), " parts of ", part.numel(),
              " elements do not add up to the ", all.numel(),
              " elements of the other tensor; pad it so that it has equal parts");
}

PendingCollective Communicator::start_reduce_scatter(const at::Tensor& input, at::Tensor& output,
                                                     ReduceOp op,
                                                     const CollectiveOptions& options) {
  check_parts("reduce_scatter", output, input);
  c10::AutoGradMode no_grad(false);
  if (!group_) {
    if (!output.is_same(input)) output.view({-1}).copy_(input.view({-1}));
    return {};
  }
  return begin(CollectiveKind::kReduceScatter, input, options, [&] {
    // Some backends divide the first dimension among the ranks.
    at::Tensor given = added_up(input).view({-1}), taken = added_up(output).view({-1});
    const c10d::ReduceScatterOptions reduce{.reduceOp = to_c10d(op)};
    return group_->backend->_reduce_scatter_base(taken, given, reduce);
  });
}

PendingCollective Communicator::start_reduce_scatter_mean(const at::Tensor& input,
                                                          at::Tensor& output,
                                                          const CollectiveOptions& options) {
  check_operation(ReduceOp::kMean, input);
  const bool averages = !group_ || group_->averages;
  return start_reduce_scatter(input, output, averages ? ReduceOp::kMean : ReduceOp::kSum, options);
}

PendingCollective Communicator::start_all_gather(const at::Tensor& part, at::Tensor& all,
                                                 const CollectiveOptions& options) {
  check_parts("all_gather", part, all);
  c10::AutoGradMode no_grad(false);
  if (!group_) {
    if (!all.is_same(part)) all.view({-1}).copy_(part.view({-1}));
    return {};
  }
  return begin(CollectiveKind::kAllGather, part, options, [&] {
    at::Tensor given = as_carried(part).view({-1}), taken = as_carried(all).view({-1});
    return group_->backend->_allgather_base(taken, given);
  });
}

void Communicator::reduce_scatter(const at::Tensor& input, at::Tensor& output, ReduceOp op) {
  check_operation(op, input);
  check_parts("reduce_scatter", output, input);
  note_for_recording("reduce_scatter");
  c10::AutoGradMode no_grad(false);
  const bool divides = op == ReduceOp::kMean && group_ && !group_->averages;
  const auto carried = carried_type(input.scalar_type(), divides);
  if (group_ && carried != input.scalar_type()) {
    at::Tensor wide = at::empty_like(output, output.options().dtype(carried));
    reduce_scatter(input.to(carried), wide, op);
    output.copy_(wide);
    return;
  }
  const bool masks = group_ && !group_->own_backend && may_lose_nan(op, input);
  at::Tensor nan;
  if (masks) {
    nan = at::empty_like(output, output.options().dtype(at::kByte));
    start_reduce_scatter(nan_of(input), nan, ReduceOp::kMax, {}).wait();
  }
  start_reduce_scatter(input, output, divides ? ReduceOp::kSum : fit_for(op, input), {}).wait();
  if (divides) output.div_(size());
  if (masks) bring_nan(output, nan);
}

void Communicator::all_gather(const at::Tensor& part, at::Tensor& all) {
  note_for_recording("all_gather");
  start_all_gather(part, all).wait();
}

void Communicator::all_reduce(at::Tensor& tensor, ReduceOp op) {
  check_operation(op, tensor);
  if (!group_) return;
  c10::AutoGradMode no_grad(false);
  const bool divides = op == ReduceOp::kMean && !group_->averages;
  const auto carried = carried_type(tensor.scalar_type(), divides);
  if (lies_otherwise(tensor) || carried != tensor.scalar_type()) {
    at::Tensor lying = as_it_lies(tensor).to(carried);
    all_reduce(lying, op);
    tensor.copy_(lying);
    return;
  }
  const bool masks = !group_->own_backend && may_lose_nan(op, tensor);
  at::Tensor nan;
  if (masks) {
    nan = nan_of(tensor);
    all_reduce(nan, ReduceOp::kMax);
  }
  std::vector<at::Tensor> tensors{added_up(tensor)};
  run(CollectiveKind::kAllReduce, tensor, [&] {
    const ReduceOp carried_out = divides ? ReduceOp::kSum : fit_for(op, tensor);
    return group_->backend->allreduce(tensors, {.reduceOp = to_c10d(carried_out)});
  });
  if (divides) tensor.div_(size());
  if (masks) bring_nan(tensor, nan);
}

void Communicator::check_root(int root) const {
  TORCH_CHECK(root >= 0 && root < size(), "broadcast from rank ", root, ", but there are ", size(),
              " processes; ranks go from 0 to ", size() - 1);
}

void Communicator::broadcast(at::Tensor& tensor, int root) {
  check_root(root);
  if (!group_) return;
  c10::AutoGradMode no_grad(false);
  if (lies_otherwise(tensor)) {
    at::Tensor lying = as_it_lies(tensor);
    broadcast(lying, root);
    tensor.copy_(lying);
    return;
  }
  std::vector<at::Tensor> tensors{as_carried(tensor)};
  c10d::BroadcastOptions options;
  options.rootRank = root;
  run(CollectiveKind::kBroadcast, tensor,
      [&] { return group_->backend->broadcast(tensors, options); });
}

std::vector<at::Tensor> Communicator::all_gather(const at::Tensor& tensor) {
  c10::AutoGradMode no_grad(false);
  // A copy, also of a process that is alone.
  if (!group_) return {tensor.detach().clone()};
  const at::Tensor own = as_it_lies(tensor);
  std::vector<at::Tensor> results, inputs{as_carried(own)};
  std::vector<std::vector<at::Tensor>> outputs(1);
  for (int rank = 0; rank < size(); ++rank) {
    results.push_back(at::empty_like(own));
    outputs[0].push_back(as_carried(results.back()));
  }
  run(CollectiveKind::kAllGather, own, [&] { return group_->backend->allgather(outputs, inputs); });
  return results;
}

std::vector<int64_t> Communicator::all_reduce_numbers(const std::vector<int64_t>& numbers,
                                                      ReduceOp op) {
  if (!group_) return numbers;
  at::Tensor carried = at::tensor(numbers, at::kLong).to(group_->device);
  all_reduce(carried, op);
  carried = carried.cpu();
  const auto* first = carried.const_data_ptr<int64_t>();
  return {first, first + carried.numel()};
}

std::string Communicator::broadcast_bytes(const std::string& bytes, int root) {
  check_root(root);
  if (!group_) return bytes;
  at::Tensor length = at::full({1}, static_cast<int64_t>(bytes.size()), at::kLong);
  length = length.to(group_->device);
  broadcast(length, root);
  const int64_t size = length.item<int64_t>();
  // A collective wants at least one byte.
  at::Tensor carried = at::zeros({std::max<int64_t>(1, size)}, at::kByte);
  if (rank() == root) std::memcpy(carried.data_ptr(), bytes.data(), bytes.size());
  carried = carried.to(group_->device);
  broadcast(carried, root);
  carried = carried.cpu();
  return {static_cast<const char*>(carried.data_ptr()), static_cast<size_t>(size)};
}

std::vector<std::string> Communicator::all_gather_bytes(const std::string& bytes) {
  if (!group_) return {bytes};
  const at::Device device = group_->device;
  const at::Tensor length = at::full({1}, static_cast<int64_t>(bytes.size()), at::kLong);
  std::vector<int64_t> lengths;
  for (const at::Tensor& each : all_gather(length.to(device)))
    lengths.push_back(each.item<int64_t>());
  // A collective wants equal sizes, and at least one byte.
  const int64_t capacity = std::max<int64_t>(1, *std::max_element(lengths.begin(), lengths.end()));
  at::Tensor padded = at::zeros({capacity}, at::kByte);
  std::memcpy(padded.data_ptr(), bytes.data(), bytes.size());
  std::vector<std::string> result;
  for (const at::Tensor& each : all_gather(padded.to(device))) {
    const at::Tensor host = each.cpu();
    result.emplace_back(static_cast<const char*>(host.data_ptr()), lengths[result.size()]);
  }
  return result;
}

void Communicator::note_replay() const {
  if (!group_) return;
  const auto ticket = group_->note_begin(CollectiveKind::kReplay, {}, /*tag=*/0);
  launcher::FlightRecorder::of_process().end(ticket);
}

void Communicator::barrier() {
  if (!group_) return;
  c10d::BarrierOptions options;
  // NCCL would guess a device from the rank.
  options.device = group_->device;
  if (group_->device.is_cuda()) options.device_ids = {group_->device.index()};
  run(CollectiveKind::kBarrier, {}, [&] { return group_->backend->barrier(options); });
}

}  // namespace accelerate
