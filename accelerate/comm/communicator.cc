#include "accelerate/comm/communicator.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "accelerate/comm/backend.h"
#include "accelerate/comm/collective_error.h"
#include "accelerate/comm/roll_call.h"
#include "accelerate/comm/store/door.h"
#include "accelerate/comm/store/sealed_store.h"
#include "accelerate/tape/recorded_call.h"
#include "launcher/env/environment.h"
#include "launcher/env/rank_states.h"
#include "launcher/env/variable_names.h"

namespace accelerate {
namespace {

// A launcher of several machines knows by which interface they reach each other. Of a list, as
// Python's torch takes it, the first.
std::string network_interface(const ProcessGroupOptions& options) {
  if (!options.network_interface.empty()) return options.network_interface;
  const std::string names =
      launcher::process_environment(launcher::kGlooInterfaceVariable).value_or("");
  return names.substr(0, names.find(','));
}

struct RunStore {
  c10::intrusive_ptr<c10d::Store> store;
  // On rank 0, unless an agent listens.
  std::optional<int> socket;
};

// Why there is no place in the run for this process, and what to do.
struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Who comes too late would wait at the closed port until his time is over.
void check_door(const launcher::WorkerEnvironment& worker) {
  if (!internal::is_loopback(worker.main_address)) return;
  if (const auto rank_0 = internal::find_closed_door(worker.main_port)) {
    throw Refusal(c10::str(
        "all processes of the run there have come already (its rank 0 is process ", *rank_0,
        "); start each rank once, and give each run a port of its own (MASTER_PORT)"));
  }
}

int open_door(const launcher::WorkerEnvironment& worker) {
  if (worker.store_fd.has_value()) return *worker.store_fd;
  try {
    return internal::listen_at(worker.main_address, worker.main_port);
  } catch (const std::runtime_error& error) {
    throw Refusal(error.what());
  }
}

RunStore connect_store(const launcher::WorkerEnvironment& worker,
                       std::chrono::milliseconds timeout) {
  check_door(worker);
  if (!worker.agent_store) {
    if (const auto reason = internal::wait_for_store(worker, timeout)) throw Refusal(*reason);
  }
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(worker.main_port);
  // An agent such as torchrun's holds the store itself; then every rank is its client.
  options.isServer = worker.rank == 0 && !worker.agent_store;
  options.waitWorkers = false;  // roll_call.h knows for whom.
  options.numWorkers = worker.world_size;
  options.timeout = timeout;
  if (options.isServer) options.masterListenFd = open_door(worker);
  c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::PrefixStore>(
      "accelerate/attempt_" + std::to_string(worker.attempt),
      c10::make_intrusive<c10d::TCPStore>(worker.main_address, options));
  if (options.isServer) launcher::note_store(worker.rank_states, worker.local_rank);
  // The socket is the store's now, and nothing to a program that this one starts, or to a second
  // store.
  if (worker.store_fd.has_value()) unsetenv(launcher::kStoreFdVariable);
  if (!worker.store_secret.empty())
    store = c10::make_intrusive<internal::SealedStore>(store, worker.store_secret);
  return {store, options.masterListenFd};
}

// To be called on all ranks; of use where there is a socket. NCCL's watching threads may connect to
// the store later, too.
std::shared_ptr<internal::ClosedDoor> close_door_when_all_have_come(
    const RunStore& run, const launcher::WorkerEnvironment& worker, c10::Device device) {
  if (worker.agent_store || device.is_cuda()) return nullptr;
  if (run.store->add("here", 1) == worker.world_size) run.store->set("all_are_here", "");
  if (!run.socket) return nullptr;
  run.store->wait({"all_are_here"});
  return std::make_shared<internal::ClosedDoor>(*run.socket, worker.main_port);
}

// What all processes of a run must have in common to understand each other.
std::string terms_of(const launcher::WorkerEnvironment& worker, const ProcessInfo& info,
                     const ProcessGroupOptions& options) {
  const bool shares_memory = info.device.is_cpu() && options.shared_memory;
  return c10::str(worker.world_size, " processes on ", info.device.type(),
                  shares_memory ? " that may share memory" : "");
}

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

// Collectives read and write memory as it lies, past the negative and conjugate bits.
bool lies_otherwise(const at::Tensor& tensor) { return tensor.is_neg() || tensor.is_conj(); }
at::Tensor as_it_lies(const at::Tensor& tensor) { return tensor.resolve_conj().resolve_neg(); }

// What backends add up: of complex numbers, which not all of them know, both parts.
at::Tensor added_up(const at::Tensor& tensor, ReduceOp op) {
  if (!tensor.is_complex()) return tensor;
  TORCH_CHECK(op == ReduceOp::kSum || op == ReduceOp::kMean,
              "complex numbers have neither a maximum nor a minimum; reduce their abs()");
  return at::view_as_real(tensor);
}

struct World {
  std::shared_ptr<Communicator> communicator;
  c10::DeviceType device;
};

std::optional<World>& current_world() {
  static std::optional<World> world;
  return world;
}

}  // namespace

struct Communicator::Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::Backend> backend;
  c10::Device device;
  std::chrono::milliseconds timeout;
  // Whether a mean is one collective: Gloo has none.
  bool averages;
  // On rank 0: nobody else gets into the store while the run goes on.
  std::shared_ptr<internal::ClosedDoor> door;

  // Calls the function, and turns what it throws into an error that says what to do.
  template <class Function>
  void guard(const char* name, Function&& function) const {
    std::string reason;
    try {
      function();
      return;
    } catch (const internal::CollectiveError& error) {
      TORCH_CHECK(false, name, " failed on rank ", backend->getRank(), " of ", backend->getSize(),
                  ": ", error.what());
    } catch (const c10::Error& error) {
      reason = error.what_without_backtrace();
    } catch (const std::exception& error) {
      reason = error.what();
    }
    TORCH_CHECK(false, name, " failed on rank ", backend->getRank(), " of ", backend->getSize(),
                ": ", reason.substr(0, reason.find('\n')),
                "; a peer has ended, or did not take part within ",
                std::chrono::duration_cast<std::chrono::seconds>(timeout).count(),
                " s: look at what the other ranks wrote, and at process_group.timeout");
  }
};

Communicator::Communicator() = default;
Communicator::Communicator(std::shared_ptr<Group> group) : group_(std::move(group)) {}
Communicator::Communicator(c10::intrusive_ptr<c10d::Backend> backend, c10::Device device,
                           std::chrono::milliseconds timeout)
    : group_(std::make_shared<Group>(
          Group{nullptr, std::move(backend), device, timeout, device.is_cuda(), nullptr})) {}
Communicator::Communicator(Communicator&&) noexcept = default;
Communicator& Communicator::operator=(Communicator&&) noexcept = default;
Communicator::~Communicator() = default;

Communicator Communicator::connect(const launcher::WorkerEnvironment& worker,
                                   const ProcessInfo& info, const ProcessGroupOptions& options) {
  if (worker.world_size == 1) return Communicator();
  const std::string place = worker.main_address + ":" + std::to_string(worker.main_port);
  std::string refusal;
  try {
    const RunStore run = connect_store(worker, options.timeout);
    const auto& store = run.store;
    c10d::PrefixStore roll_call("roll_call", store);
    const internal::RollCall own = {
        .worker = worker, .terms = terms_of(worker, info, options), .timeout = options.timeout};
    if (const auto reason = internal::answer_roll_call(roll_call, own)) throw Refusal(*reason);
    if (const auto reason = internal::wait_for_all(roll_call, own)) throw Refusal(*reason);
    const internal::BackendOptions backend_options{
        .rank = worker.rank,
        .size = worker.world_size,
        .timeout = options.timeout,
        .network_interface = network_interface(options),
        .hostname = internal::is_loopback(worker.main_address) ? worker.main_address : "",
        .shared_memory = options.shared_memory};
    auto backend = info.device.is_cuda() ? internal::make_nccl_backend(store, backend_options)
                                         : internal::make_cpu_backend(store, backend_options);
    const bool averages = backend->getBackendName() != "gloo";
    auto door = close_door_when_all_have_come(run, worker, info.device);
    return Communicator(std::make_shared<Group>(
        Group{store, backend, info.device, options.timeout, averages, std::move(door)}));
  } catch (const Refusal& reason) {
    refusal = reason.what();
  } catch (const c10::Error& error) {
    TORCH_CHECK(
        false, "rank ", worker.rank, " of ", worker.world_size,
        " could not join the process group at ", place, ": ", error.what_without_backtrace(),
        "; check that all processes were started, that this address can be reached, and the "
        "time-out (process_group.timeout)");
  } catch (const std::exception& error) {
    TORCH_CHECK(false, "rank ", worker.rank, " of ", worker.world_size,
                " could not join the process group at ", place, ": ", error.what(),
                "; check that all processes were started and the network interface "
                "(process_group.network_interface)");
  }
  TORCH_CHECK(false, "rank ", worker.rank, " of ", worker.world_size,
              " is not let into the process group at ", place, ": ", refusal);
}

std::shared_ptr<Communicator> Communicator::world(const launcher::WorkerEnvironment& worker,
                                                  const ProcessInfo& info,
                                                  const ProcessGroupOptions& options) {
  std::optional<World>& world = current_world();
  if (!world) {
    world =
        World{std::make_shared<Communicator>(connect(worker, info, options)), info.device.type()};
  }
  TORCH_CHECK(world->device == info.device.type() || worker.world_size == 1,
              "this process has joined its run for ", world->device,
              " and cannot join it again for ", info.device.type(),
              "; use one kind of strategy in a program");
  return world->communicator;
}

void Communicator::leave_world() { current_world().reset(); }

int Communicator::rank() const { return group_ ? group_->backend->getRank() : 0; }
int Communicator::size() const { return group_ ? group_->backend->getSize() : 1; }

template <class Start>
void Communicator::run(const char* name, Start&& start) const {
  // The engine's own are not noticed here: they are part of its work in each replay.
  if (internal::is_recording())
    refuse_recording(c10::str("what `", name, "` brings from other processes").c_str());
  group_->guard(name, [&] { start()->wait(); });
}

double Communicator::mean_factor() const {
  return !group_ || group_->averages ? 1.0 : 1.0 / size();
}

PendingCollective Communicator::start_mean(at::Tensor& tensor) {
  PendingCollective pending;
  if (!group_) return pending;
  c10::AutoGradMode no_grad(false);
  const ReduceOp op = group_->averages ? ReduceOp::kMean : ReduceOp::kSum;
  if (lies_otherwise(tensor)) {
    at::Tensor lying = as_it_lies(tensor);
    pending = start_mean(lying);
    pending.wait_ = [lying, tensor, wait = std::move(pending.wait_)] {
      wait();
      c10::AutoGradMode no_grad(false);
      tensor.copy_(lying);
    };
    return pending;
  }
  group_->guard("all_reduce", [&] {
    std::vector<at::Tensor> tensors{added_up(tensor, op)};
    auto work =
        group_->backend->allreduce(tensors, c10d::AllreduceOptions{.reduceOp = to_c10d(op)});
    pending.wait_ = [group = group_, work] { group->guard("all_reduce", [&] { work->wait(); }); };
  });
  return pending;
}

void Communicator::all_reduce(at::Tensor& tensor, ReduceOp op) {
  TORCH_CHECK(op != ReduceOp::kMean || tensor.is_floating_point() || tensor.is_complex(),
              "the mean of ", tensor.scalar_type(),
              " values is not an integer; convert the tensor to a floating type first");
  if (!group_) return;
  c10::AutoGradMode no_grad(false);
  if (lies_otherwise(tensor)) {
    at::Tensor lying = as_it_lies(tensor);
    all_reduce(lying, op);
    tensor.copy_(lying);
    return;
  }
  const bool divides = op == ReduceOp::kMean && !group_->averages;
  std::vector<at::Tensor> tensors{added_up(tensor, op)};
  run("all_reduce", [&] {
    const c10d::AllreduceOptions options{.reduceOp = to_c10d(divides ? ReduceOp::kSum : op)};
    return group_->backend->allreduce(tensors, options);
  });
  if (divides) tensor.div_(size());
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
  std::vector<at::Tensor> tensors{tensor};
  c10d::BroadcastOptions options;
  options.rootRank = root;
  run("broadcast", [&] { return group_->backend->broadcast(tensors, options); });
}

std::vector<at::Tensor> Communicator::all_gather(const at::Tensor& tensor) {
  if (!group_) return {tensor};
  c10::AutoGradMode no_grad(false);
  std::vector<at::Tensor> inputs{as_it_lies(tensor).contiguous()};
  std::vector<std::vector<at::Tensor>> outputs(1);
  for (int rank = 0; rank < size(); ++rank) outputs[0].push_back(at::empty_like(inputs[0]));
  run("all_gather", [&] { return group_->backend->allgather(outputs, inputs); });
  return outputs[0];
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

void Communicator::barrier() {
  if (!group_) return;
  c10d::BarrierOptions options;
  // NCCL would guess a device from the rank.
  options.device = group_->device;
  run("barrier", [&] { return group_->backend->barrier(options); });
}

}  // namespace accelerate
