// The processes of a run, and the collective operations between them. A communicator of one process
// does nothing and needs no network, so that the same program runs on one process or many.
//
//   const ProcessGroupOptions options = {.timeout = std::chrono::minutes(10)};
//   Communicator communicator = Communicator::connect(worker, info, options);
//   communicator.all_reduce(gradient, ReduceOp::kMean);
//
// Every process must call the same collectives in the same order, with tensors of the same type and
// size, and must begin and wait for those of several communicators in one order. If a peer is gone,
// or out of step for longer than the time-out, the call throws c10::Error; the communicator cannot
// be used after that. Between processes of one host on the CPU, a peer that has died or is at
// another collective is detected immediately and named. Between hosts and over Gloo, nothing
// compares what the ranks call: different types, sizes or operations give wrong numbers or end the
// process. Not thread-safe. Not for averaging the gradients of a training step by hand:
// Accelerator::backward() does that.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accelerate/process/process_info.h"
#include "launcher/env/worker_environment.h"
#include "launcher/flight_record/collective_facts.h"

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace accelerate::internal {
struct BackendOptions;
}

namespace accelerate {

enum class ReduceOp { kSum, kMean, kMax, kMin };

struct ProcessGroupOptions {
  // How long a collective waits for a peer before it fails; at least 1 ms, and a year at the most.
  std::chrono::milliseconds timeout = std::chrono::minutes(30);
  // The network interface that CPU processes use, such as "eth0". Empty: that of the variable
  // GLOO_SOCKET_IFNAME, which the launcher of several machines sets; otherwise loopback if the main
  // address is a loopback address, else the interface of this machine's host name.
  std::string network_interface = {};
  // CPU processes of one host communicate through shared memory. False: over the network, as
  // between hosts and where memory cannot be shared.
  bool shared_memory = true;

  bool operator==(const ProcessGroupOptions&) const = default;
};

struct CollectiveOptions {
  // What the collective is for, such as the number of a unit of parameters; not negative. Between
  // processes of one host on the CPU, ranks that reach one collective with different tags get an
  // error, even if sizes and types match; elsewhere tags are not compared.
  int64_t tag = 0;
};

// A collective that has been started; the start_ methods return it.
class PendingCollective {
 public:
  // Returns when the result is available. Throws c10::Error as the collective itself would. Call it
  // once.
  void wait() {
    if (wait_) wait_();
  }

 private:
  friend class Communicator;
  std::function<void()> wait_;
};

class Communicator {
 public:
  // The communicator of a single process.
  Communicator();
  // Runs collectives on the caller's own c10d backend, on tensors of this device.
  Communicator(c10::intrusive_ptr<c10d::Backend> backend, c10::Device device,
               std::chrono::milliseconds timeout);
  // Joins the other processes at the worker's main address. On the CPU, collectives use shared
  // memory inside a host and Gloo between hosts; on GPUs, NCCL. Blocks until all processes have
  // joined, and throws c10::Error if they do not.
  static Communicator connect(const launcher::WorkerEnvironment& worker, const ProcessInfo& info,
                              const ProcessGroupOptions& options);

  // The communicator of this process's run: the first call connects, later calls return the same
  // one. Throws c10::Error if a later call is for another kind of device.
  static std::shared_ptr<Communicator> world(const launcher::WorkerEnvironment& worker,
                                             const ProcessInfo& info,
                                             const ProcessGroupOptions& options);
  // Releases the run's communicator, so that its threads end with its last user and not during
  // exit().
  static void leave_world();

  Communicator(Communicator&&) noexcept;
  Communicator& operator=(Communicator&&) noexcept;
  ~Communicator();

  int rank() const;
  int size() const;

  // In place; afterwards the tensor has the same values on every rank, and NaN where any rank had
  // NaN. kSum of a bool tensor is whether any is true. kMean of an integer tensor is an error, and
  // so are kMax and kMin of a complex one. A tensor that is not contiguous is copied there and
  // back.
  void all_reduce(at::Tensor& tensor, ReduceOp op);
  // Starts the mean over the ranks, in place, and returns immediately; do not touch the tensor
  // until wait(). Every rank must first multiply its values by mean_factor(), which is 1 if the
  // collective itself divides, as all except Gloo's do. All ranks must start their collectives in
  // the same order; any number may be in progress. On a GPU they run on their own stream, and
  // wait() makes the current stream wait, not the host. With shared memory no thread runs them: the
  // sums, and data that does not fit into the memory, are processed in wait() and in later calls.
  [[nodiscard]] PendingCollective start_mean(at::Tensor& tensor,
                                             const CollectiveOptions& options = {});
  double mean_factor() const;
  // The same, but each rank gets only its part: the input consists of size() equal parts in rank
  // order, and the output is the mean of this rank's part. Both must be contiguous and have one
  // type. The output may be that part of the input; the rest of the input does not change. On the
  // CPU the result has the same bits as start_mean() of the input.
  [[nodiscard]] PendingCollective start_reduce_scatter_mean(const at::Tensor& input,
                                                            at::Tensor& output,
                                                            const CollectiveOptions& options = {});
  // The reverse: `all` becomes every rank's `part`, one after the other in rank order. Both must be
  // contiguous and have one type; `part` may be its own place in `all`.
  [[nodiscard]] PendingCollective start_all_gather(const at::Tensor& part, at::Tensor& all,
                                                   const CollectiveOptions& options = {});
  // These two start the collective and wait for it; the operation is as in all_reduce().
  void reduce_scatter(const at::Tensor& input, at::Tensor& output, ReduceOp op);
  void all_gather(const at::Tensor& part, at::Tensor& all);
  // In place: every rank gets the root's values.
  void broadcast(at::Tensor& tensor, int root);
  // Every rank's tensor, in rank order; all must have the same shape.
  std::vector<at::Tensor> all_gather(const at::Tensor& tensor);
  // Reduces number by number over the ranks; kMean is an error.
  std::vector<int64_t> all_reduce_numbers(const std::vector<int64_t>& numbers, ReduceOp op);
  // The root's bytes, on every rank.
  std::string broadcast_bytes(const std::string& bytes, int root);
  // Every rank's bytes, in rank order; lengths may differ.
  std::vector<std::string> all_gather_bytes(const std::string& bytes);
  // Returns when every rank has called it.
  void barrier();

  // Notes in the flight record that a GPU runs collectives of this communicator by itself, as in
  // the replay of a captured step.
  void note_replay() const;

  // Returns the communicator of those ranks that pass the same color, in the order of their ranks
  // here. Its ranks count from 0, but its errors name them by their ranks in the whole run. Colors
  // are 0 or more. Collective; returns when all ranks have their part. Throws c10::Error if the
  // communicator was made with the caller's own backend.
  Communicator split(int color);

 private:
  struct Group;
  explicit Communicator(std::shared_ptr<Group> group);
  // Blocks until all ranks of the group call it.
  static std::shared_ptr<Group> make_group(const c10::intrusive_ptr<c10d::Store>& store,
                                           c10::Device device,
                                           const internal::BackendOptions& options);
  void check_root(int root) const;
  void check_parts(const char* name, const at::Tensor& part, const at::Tensor& all) const;
  PendingCollective start_reduce_scatter(const at::Tensor& input, at::Tensor& output, ReduceOp op,
                                         const CollectiveOptions& options);
  // `given` is the tensor that this rank gives; undefined if it gives none.
  template <class Start>
  void run(launcher::CollectiveKind kind, const at::Tensor& given, Start&& start) const;
  template <class Start>
  PendingCollective begin(launcher::CollectiveKind kind, const at::Tensor& given,
                          const CollectiveOptions& options, Start&& start) const;

  // Null for a single process. Collectives in progress share it.
  std::shared_ptr<Group> group_;
};

}  // namespace accelerate
