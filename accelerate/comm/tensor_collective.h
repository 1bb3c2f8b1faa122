// Collectives of a Lane on tensors. Each collective keeps its tensors alive.
//
// The functions throw c10::Error for a tensor that is not dense on the CPU, and for an operation
// that the tensor's type does not have.
//
//   const auto sum = all_reduce_of(tensor, c10d::ReduceOp::SUM, /*divisor=*/1);
//   lane.start(sum);
//   lane.wait(*sum, timeout);
//
// Not for raw memory: that is a Collective.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <torch/csrc/distributed/c10d/Types.hpp>
#include <vector>

#include "accelerate/comm/shared_memory/collective.h"

namespace accelerate::internal {

struct TensorCollective : Collective {
  std::vector<at::Tensor> tensors;
};

// In place. AVG is the sum over the lane, divided by `divisor`.
std::shared_ptr<TensorCollective> all_reduce_of(const at::Tensor& tensor,
                                                c10d::ReduceOp::RedOpType operation,
                                                int64_t divisor);
// The same, but into a result with the memory layout of the input; undefined on ranks that want no
// result.
std::shared_ptr<TensorCollective> reduce_of(const at::Tensor& input, const at::Tensor& result,
                                            c10d::ReduceOp::RedOpType operation, int64_t divisor);
// In place; `root` is a rank of the lane.
std::shared_ptr<TensorCollective> broadcast_of(const at::Tensor& tensor, int root, bool is_root);
// The outputs are those of all ranks of the lane, each as large as the input; none on ranks that
// want no result.
std::shared_ptr<TensorCollective> all_gather_of(const at::Tensor& input,
                                                const std::vector<at::Tensor>& outputs);
// The inputs are for all ranks of the lane, each as large as the output.
std::shared_ptr<TensorCollective> reduce_scatter_of(const at::Tensor& output,
                                                    const std::vector<at::Tensor>& inputs,
                                                    c10d::ReduceOp::RedOpType operation,
                                                    int64_t divisor);
// The inputs, on the root alone, are for all ranks of the lane, each as large as the output.
std::shared_ptr<TensorCollective> scatter_of(const at::Tensor& output,
                                             const std::vector<at::Tensor>& inputs, int root);
std::shared_ptr<TensorCollective> barrier_of();

// Combines the sources, in their order, as a collective would combine the ranks' tensors. Every
// source must have the result's memory layout and must not overlap the result. AVG divides by the
// number of sources.
void combine_into(const at::Tensor& result, const std::vector<at::Tensor>& sources,
                  c10d::ReduceOp::RedOpType operation);

void check_only_one(size_t size);
// The only tensor of a c10d call, which takes a list for processes with several devices.
template <class T>
T& only_one(std::vector<T>& list) {
  check_only_one(list.size());
  return list[0];
}
// Throws c10::Error unless there is one tensor for each process.
void check_one_each(size_t num_tensors, int num_processes);

// Splits a contiguous tensor into this many equal parts, one after the other.
std::vector<at::Tensor> parts_of(const at::Tensor& tensor, int num_parts);

}  // namespace accelerate::internal
