// How a Communicator gets the c10d backend that carries its collectives: one function for each,
// each in a file of its own, because each needs headers that go badly with the rest.
//
//   const BackendOptions options = {.rank = 1, .size = 4, .timeout = std::chrono::minutes(30)};
//   c10::intrusive_ptr<c10d::Backend> backend = make_cpu_backend(store, options);
//
// Not for a program, which has a Communicator.
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
  // Of Gloo: an interface's name; empty to take the one of `hostname`.
  std::string network_interface = {};
  // Of Gloo: the address to bind to; empty for that of this machine's host name.
  std::string hostname = {};
  // Whether CPU processes of one host share memory; the same on all ranks.
  bool shared_memory = true;
  // Ranks with different ones count as on different hosts, as a test wants them.
  std::string host = {};
  // What messages call the ranks: those in the whole run, where these are some of its ranks; empty
  // where they are all of them.
  std::vector<int> run_ranks = {};
};

// What a backend of this project's own has beyond c10d's. And where one of the numbers is NaN,
// their maximum and their minimum are, as for tensors.
class OwnBackend {
 public:
  virtual ~OwnBackend() = default;
  // What the next collective that is started is for; ranks of one host compare it.
  virtual void tag_next(int64_t tag) = 0;
};

// On the CPU: through shared memory inside a host, over Gloo between hosts. The same kind on all
// ranks. Blocks until all ranks call it, for the store's time.
c10::intrusive_ptr<c10d::Backend> make_cpu_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                   const BackendOptions& options);

c10::intrusive_ptr<c10d::Backend> make_gloo_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    const BackendOptions& options);

// Throws c10::Error in a build without CUDA.
c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    const BackendOptions& options);

}  // namespace accelerate::internal
