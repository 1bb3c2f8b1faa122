// How the processes of a run come to their Communicator, and how some of them come to one of their
// own.
#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>

#include "accelerate/comm/backend.h"
#include "accelerate/comm/communicator.h"
#include "accelerate/comm/communicator_group.h"
#include "accelerate/comm/roll_call.h"
#include "accelerate/comm/store/door.h"
#include "accelerate/comm/store/sealed_store.h"
#include "accelerate/libtorch/tested_version.h"
#include "launcher/env/environment.h"
#include "launcher/env/rank_states.h"
#include "launcher/env/variable_names.h"
#include "launcher/flight_record/flight_recorder.h"

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

constexpr std::chrono::hours kLongestTimeout(365 * 24);

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
        "all processes of the run at this port have joined already (its rank 0 is process ",
        *rank_0, "); start each rank once, and give each run its own port (MASTER_PORT)"));
  }
}

int open_door(const launcher::WorkerEnvironment& worker) {
  if (worker.store_fd.has_value()) {
    fcntl(*worker.store_fd, F_SETFD, FD_CLOEXEC);  // It was for this program only.
    return *worker.store_fd;
  }
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
      "accelerate", c10::make_intrusive<c10d::TCPStore>(worker.main_address, options));
  if (options.isServer) launcher::note_store(worker.rank_states, worker.local_rank);
  // The socket is the store's now, and nothing to a program that this one starts, or to a second
  // store.
  if (worker.store_fd.has_value()) unsetenv(launcher::kStoreFdVariable);
  if (!worker.store_secret.empty())
    store = c10::make_intrusive<internal::SealedStore>(store, worker.store_secret);
  return {store, options.masterListenFd};
}

// The store of the run's present start, when all have answered the roll call there. An agent's
// store may outlive starts, which its variables do not tell apart: each agent counts its own
// restarts.
c10::intrusive_ptr<c10d::Store> join_start(const c10::intrusive_ptr<c10d::Store>& of_run,
                                           internal::RollCall own) {
  while (true) {
    c10::intrusive_ptr<c10d::Store> store = of_run;
    if (own.worker.agent_store) {
      const std::string name = internal::name_of_start(*of_run, own);
      store = c10::make_intrusive<c10d::PrefixStore>(name, of_run);
      if (own.worker.rank != 0)
        own.is_over = [of_run, name] { return internal::is_start_over(*of_run, name); };
    }
    c10d::PrefixStore roll_call("roll_call", store);
    try {
      if (const auto reason = internal::answer_roll_call(roll_call, own)) throw Refusal(*reason);
      if (const auto reason = internal::wait_for_all(roll_call, own)) throw Refusal(*reason);
      return store;
    } catch (const internal::StartedAnew&) {
    }
  }
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

// A clock counts in nanoseconds, of which the longest of milliseconds are too many.
ProcessGroupOptions checked(ProcessGroupOptions options) {
  TORCH_CHECK(options.timeout.count() > 0, "process_group.timeout is ", options.timeout.count(),
              " ms; give how long a collective waits for a peer, such as std::chrono::minutes(30)");
  options.timeout = std::min<std::chrono::milliseconds>(options.timeout, kLongestTimeout);
  return options;
}

// What all processes of a run must have in common to understand each other.
std::string terms_of(const launcher::WorkerEnvironment& worker, const ProcessInfo& info,
                     const ProcessGroupOptions& options) {
  const bool shares_memory = info.device.is_cpu() && options.shared_memory;
  return c10::str(worker.world_size, " processes on ", info.device.type(),
                  shares_memory ? " that may share memory" : "");
}

// Of a part of the communicator with this id. Not 0, which is that of all ranks.
uint64_t id_of_part(uint64_t id, int64_t split, int color) {
  constexpr uint64_t kPrime = 0x9e3779b97f4a7c15;
  const uint64_t of_split = (id + static_cast<uint64_t>(split) + 1) * kPrime;
  return ((of_split ^ (of_split >> 32)) + static_cast<uint64_t>(color)) * kPrime | 1;
}

struct World {
  std::shared_ptr<Communicator> communicator;
  c10::DeviceType device;
  ProcessGroupOptions options;
};

std::optional<World>& current_world() {
  static std::optional<World> world;
  return world;
}

}  // namespace

uint32_t next_communicator() {
  static std::atomic<uint32_t> number = 1;
  return number++;
}

std::shared_ptr<Communicator::Group> Communicator::make_group(
    const c10::intrusive_ptr<c10d::Store>& store, c10::Device device,
    const internal::BackendOptions& options) {
  auto backend = device.is_cuda() ? internal::make_nccl_backend(store, options)
                                  : internal::make_cpu_backend(store, options);
  return std::make_shared<Group>(
      Group{store, std::move(backend), device, options.timeout, options});
}

Communicator Communicator::connect(const launcher::WorkerEnvironment& worker,
                                   const ProcessInfo& info,
                                   const ProcessGroupOptions& given_options) {
  if (worker.world_size == 1) return Communicator();
  const ProcessGroupOptions options = checked(given_options);
  launcher::FlightRecorder::of_process().attach({.path = worker.flight_record,
                                                 .local_rank = worker.local_rank,
                                                 .rank = worker.rank,
                                                 .world_size = worker.world_size});
  const std::string place = worker.main_address + ":" + std::to_string(worker.main_port);
  std::string refusal;
  try {
    const RunStore run = connect_store(worker, options.timeout);
    const auto store = join_start(
        run.store,
        {.worker = worker, .terms = terms_of(worker, info, options), .timeout = options.timeout});
    const internal::BackendOptions backend_options{
        .rank = worker.rank,
        .size = worker.world_size,
        .timeout = options.timeout,
        .network_interface = network_interface(options),
        .hostname = internal::is_loopback(worker.main_address) ? worker.main_address : "",
        .shared_memory = options.shared_memory};
    const auto group = make_group(store, info.device, backend_options);
    group->door = close_door_when_all_have_come(run, worker, info.device);
    return Communicator(group);
  } catch (const Refusal& reason) {
    refusal = reason.what();
  } catch (const c10::Error& error) {
    TORCH_CHECK(
        false, "rank ", worker.rank, " of ", worker.world_size,
        " could not join the process group at ", place, ": ", error.what_without_backtrace(),
        "; check that all processes were started, that this address can be reached, and that "
        "the time-out (process_group.timeout) is long enough");
  } catch (const std::exception& error) {
    TORCH_CHECK(false, "rank ", worker.rank, " of ", worker.world_size,
                " could not join the process group at ", place, ": ", error.what(),
                "; check that all processes were started, and check the network interface "
                "(process_group.network_interface)");
  }
  TORCH_CHECK(false, "rank ", worker.rank, " of ", worker.world_size,
              " was refused by the process group at ", place, ": ", refusal);
}

std::shared_ptr<Communicator> Communicator::world(const launcher::WorkerEnvironment& worker,
                                                  const ProcessInfo& info,
                                                  const ProcessGroupOptions& options) {
  std::optional<World>& world = current_world();
  if (!world) {
    world = World{std::make_shared<Communicator>(connect(worker, info, options)),
                  info.device.type(), options};
  }
  if (options != ProcessGroupOptions() && options != world->options) {
    TORCH_WARN_ONCE(
        "this process has joined its run already, so the process_group options of another "
        "Accelerator have no effect; give them to the first");
  }
  TORCH_CHECK(world->device == info.device.type() || worker.world_size == 1,
              "this process has joined its run on ", world->device, " and cannot join it again on ",
              info.device.type(), "; use strategies for one kind of device in a program");
  return world->communicator;
}

void Communicator::leave_world() { current_world().reset(); }

Communicator Communicator::split(int color) {
  TORCH_CHECK(color >= 0, "split: the color is ", color, "; give 0 or more");
  if (!group_) return Communicator();
  TORCH_CHECK(group_->options,
              "split: the communicator was made with the caller's own backend; make a "
              "communicator for each part in the same way");
  // A row with every rank's color.
  std::vector<int64_t> colors(size(), 0);
  colors[rank()] = color;
  colors = all_reduce_numbers(colors, ReduceOp::kMax);
  internal::BackendOptions options = *group_->options;
  const std::vector<int> run_ranks = std::exchange(options.run_ranks, {});
  for (int rank = 0; rank < size(); ++rank) {
    if (rank == this->rank()) options.rank = static_cast<int>(options.run_ranks.size());
    if (colors[rank] == color)
      options.run_ranks.push_back(run_ranks.empty() ? rank : run_ranks[rank]);
  }
  options.size = static_cast<int>(options.run_ranks.size());
  const int64_t number = group_->splits++;
  const uint32_t part_number = next_communicator();
  std::shared_ptr<Group> part;
  if (options.size > 1) {
    const auto store = c10::make_intrusive<c10d::PrefixStore>(
        c10::str("split_", number, "/color_", color), group_->store);
    group_->guard("split", [&] { part = make_group(store, group_->device, options); });
    // The store is there for as long as the door is closed.
    part->door = group_->door;
    part->number = part_number;
    part->id = id_of_part(group_->id, number, color);
  }
  // Nobody lets go of the store, or of a part, while others are still connecting.
  barrier();
  return part ? Communicator(part) : Communicator();
}

}  // namespace accelerate
