// The processes of a run, and the collective operations between them. A communicator of one process
// does nothing and needs no network, so that the same program runs on one process or many.
//
//   const ProcessGroupOptions options = {.timeout = std::chrono::minutes(10)};
//   Communicator communicator = Communicator::connect(worker, info, options);
//   communicator.all_reduce(gradient, ReduceOp::kMean);
//
// Every process must call the same collectives in the same order, with tensors of the same type and
// size, and begin and wait for those of several communicators in one order. When a peer is gone or
// out of step for longer than the time-out, the call throws c10::Error and says so; the
// communicator is of no use after that. Between processes of one host on the CPU, a peer that has
// died, or is at another collective, is noticed at once and named. Between hosts, and over Gloo,
// nobody compares what ranks call: tensors of different types or sizes, or operations, give wrong
// numbers or end the process. Not thread-safe. Not for the gradients of a training step by hand:
// Accelerator::backward averages those.
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
  // How long a collective waits for a peer before it fails.
  std::chrono::milliseconds timeout = std::chrono::minutes(30);
  // The interface that the CPU processes talk over, such as "eth0". Empty: that of the variable
  // GLOO_SOCKET_IFNAME, which the launcher of several machines sets; or else loopback when the main
  // process is on this machine's loopback address, else the interface of this machine's host name.
  std::string network_interface = {};
  // CPU processes of one host talk through memory that they share. False: over the network, as they
  // do between hosts and where no memory can be shared.
  bool shared_memory = true;
};

struct CollectiveOptions {
  // What the collective is for, such as the number of a unit of parameters; not negative. Ranks
  // that come to one collective with different tags, although sizes and types are the same, are
  // told at once between processes of one host on the CPU; elsewhere tags are not compared.
  int64_t tag = 0;
};

// A collective that is under way, as the start_ methods return it.
class PendingCollective {
 public:
  // Returns when the result is there. Throws c10::Error as the collective itself would; to be
  // called once.
  void wait() {
    if (wait_) wait_();
  }

 private:
  friend class Communicator;
  std::function<void()> wait_;
};

class Communicator {
 public:
  // The communicator of a process that is alone.
  Communicator();
  // Collectives by a c10d backend of the caller's, on tensors of this device.
  Communicator(c10::intrusive_ptr<c10d::Backend> backend, c10::Device device,
               std::chrono::milliseconds timeout);
  // Meets the other processes at the worker's main address. On the CPU collectives go through
  // shared memory inside a host and over Gloo between hosts; on GPUs, over NCCL. Blocks until all
  // have come, and throws c10::Error when they don't.
  static Communicator connect(const launcher::WorkerEnvironment& worker, const ProcessInfo& info,
                              const ProcessGroupOptions& options);

  // The communicator of this process's run: the first call connects, later calls return the same
  // one. Throws c10::Error when a later call is for another kind of device.
  static std::shared_ptr<Communicator> world(const launcher::WorkerEnvironment& worker,
                                             const ProcessInfo& info,
                                             const ProcessGroupOptions& options);
  // Forgets the run's communicator, so that its threads end with the last user and not during
  // exit().
  static void leave_world();

  Communicator(Communicator&&) noexcept;
  Communicator& operator=(Communicator&&) noexcept;
  ~Communicator();

  int rank() const;
  int size() const;

  // In place; the tensor has the same values on every rank afterwards, NaN where one of them was.
  // kSum of a bool tensor is whether any is true. kMean of an integer tensor is an error, and so
  // are kMax and kMin of a complex one. What is not contiguous is copied there and back.
  void all_reduce(at::Tensor& tensor, ReduceOp op);
  // Begins the mean over the ranks, in place, and returns at once; the tensor must be left alone
  // until wait(). Every rank has multiplied its values by mean_factor() before, which is 1 where
  // the collective divides by itself, as all but Gloo's do. All ranks start their collectives in
  // the same order; any number may be under way. On a GPU they run on a stream of their own, and
  // wait() makes the current stream wait, not the host. Through shared memory no thread runs them:
  // what has no room there, and the sums, are done in wait() and in later calls.
  [[nodiscard]] PendingCollective start_mean(at::Tensor& tensor,
                                             const CollectiveOptions& options = {});
  double mean_factor() const;
  // The same, where each rank gets its part alone: of an input of size() equal parts, one behind
  // the other in rank order, the output is the mean of the part of this rank. Both are contiguous
  // and of one type, and the output may be that part of the input, of which nothing else changes.
  // On the CPU these are the bits that start_mean() of the input would give.
  [[nodiscard]] PendingCollective start_reduce_scatter_mean(const at::Tensor& input,
                                                            at::Tensor& output,
                                                            const CollectiveOptions& options = {});
  // Begins the way back: `all` becomes every rank's `part`, one behind the other in rank order.
  // Both are contiguous and of one type, and `part` may be its place in `all`.
  [[nodiscard]] PendingCollective start_all_gather(const at::Tensor& part, at::Tensor& all,
                                                   const CollectiveOptions& options = {});
  // The two, begun and waited for; the operation as in all_reduce().
  void reduce_scatter(const at::Tensor& input, at::Tensor& output, ReduceOp op);
  void all_gather(const at::Tensor& part, at::Tensor& all);
  // In place: every rank gets the root's values.
  void broadcast(at::Tensor& tensor, int root);
  // Every rank's tensor, in rank order; all have the same shape.
  std::vector<at::Tensor> all_gather(const at::Tensor& tensor);
  // Number by number over the ranks; a mean of them is an error.
  std::vector<int64_t> all_reduce_numbers(const std::vector<int64_t>& numbers, ReduceOp op);
  // The root's bytes, on every rank.
  std::string broadcast_bytes(const std::string& bytes, int root);
  // Every rank's bytes, in rank order; lengths may differ.
  std::vector<std::string> all_gather_bytes(const std::string& bytes);
  // Returns when every rank has called it.
  void barrier();

  // Tells those who look at a run that hangs that a GPU does collectives of this communicator by
  // itself, as in the replay of a captured step.
  void note_replay() const;

  // The communicator of those ranks that give the same color, in the order of their ranks here; its
  // ranks count from 0, but what it throws names them as the whole run does. Colors are 0 or more.
  // Collective, and returns when all ranks have their part. Throws c10::Error in a communicator of
  // a backend of the caller's.
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
  // `given` is what this rank gives; undefined for nothing.
  template <class Start>
  void run(launcher::CollectiveKind kind, const at::Tensor& given, Start&& start) const;
  template <class Start>
  PendingCollective begin(launcher::CollectiveKind kind, const at::Tensor& given,
                          const CollectiveOptions& options, Start&& start) const;

  // None when alone. Shared with what is under way.
  std::shared_ptr<Group> group_;
};

}  // namespace accelerate
