// What the tests of the CPU backend share: how a rank joins it and calls it.
//
//   const Backend backend = join(store, rank, 4, "0011");   // two hosts of two
//   all_reduce(backend, tensor, c10d::ReduceOp::SUM);
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <string>
#include <vector>

#include "accelerate/comm/backend.h"

namespace accelerate::internal {

using Backend = c10::intrusive_ptr<c10d::Backend>;
using Store = c10::intrusive_ptr<c10d::Store>;

// More elements than the ranks' shared memory holds, and not a multiple of any size in use.
inline constexpr int64_t kLarge = 2'500'001;

// A test that reaches this time-out hangs.
inline constexpr std::chrono::minutes kLong{30};

// `hosts`: one character for the host of each rank; empty if all are on one host.
inline Backend join(const Store& store, int rank, int size, const std::string& hosts = "",
                    std::chrono::milliseconds timeout = kLong) {
  at::set_num_threads(1);
  return make_cpu_backend(store, {.rank = rank,
                                  .size = size,
                                  .timeout = timeout,
                                  .hostname = "127.0.0.1",
                                  .host = hosts.empty() ? "" : hosts.substr(rank, 1)});
}

inline void all_reduce(const Backend& backend, at::Tensor& tensor,
                       c10d::ReduceOp::RedOpType operation) {
  std::vector<at::Tensor> tensors{tensor};
  backend->allreduce(tensors, {.reduceOp = operation})->wait();
}

}  // namespace accelerate::internal
