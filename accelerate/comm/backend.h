// The functions that make the c10d backend of a Communicator. Each has its own file, because each
// needs headers that conflict with the rest.
//
//   const BackendOptions options = {.rank = 1, .size = 4, .timeout = std::chrono::minutes(30)};
//   c10::intrusive_ptr<c10d::Backend> backend = make_cpu_backend(store, options);
//
// Not for programs: use a Communicator.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <vector>

namespace accelerate::internal {

struct BackendOptions {
  int rank;
  int size;
  std::chrono::milliseconds timeout;
  // For Gloo: the name of an interface; empty for that of `hostname`.
  std::string network_interface = {};
  // For Gloo: the address to bind to; empty for that of this machine's host name.
  std::string hostname = {};
  // Whether CPU processes of one host share memory; the same on all ranks.
  bool shared_memory = true;
  // For tests: ranks with different values count as on different hosts.
  std::string host = {};
  // What messages call the ranks if these are only some of the run's ranks: their ranks in the
  // whole run. Empty if these are all of its ranks.
  std::vector<int> run_ranks = {};
};

// What this project's own backends offer beyond c10d's. If one of the numbers is NaN, their maximum
// and minimum are NaN too, as for tensors.
class OwnBackend {
 public:
  virtual ~OwnBackend() = default;
  // Says what the next collective to be started is for; the ranks of one host compare tags.
  virtual void tag_next(int64_t tag) = 0;
};

// For the CPU: shared memory inside a host, Gloo between hosts. All ranks get the same kind. Blocks
// until all ranks call it, at most for the store's time-out.
c10::intrusive_ptr<c10d::Backend> make_cpu_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                   const BackendOptions& options);

c10::intrusive_ptr<c10d::Backend> make_gloo_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    const BackendOptions& options);

// Throws c10::Error in a build without CUDA.
c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    const BackendOptions& options);

}  // namespace accelerate::internal
