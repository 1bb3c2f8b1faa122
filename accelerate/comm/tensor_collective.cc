#include "accelerate/comm/tensor_collective.h"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <optional>

#include "kernels/combine/combine.h"

namespace accelerate::internal {
namespace {

std::optional<kernels::NumberType> number_type_of(c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::Float:
      return kernels::NumberType::kFloat;
    case c10::ScalarType::Double:
      return kernels::NumberType::kDouble;
    case c10::ScalarType::Half:
      return kernels::NumberType::kHalf;
    case c10::ScalarType::BFloat16:
      return kernels::NumberType::kBFloat16;
    case c10::ScalarType::Char:
      return kernels::NumberType::kInt8;
    case c10::ScalarType::Byte:
    case c10::ScalarType::Bool:
      return kernels::NumberType::kUInt8;
    case c10::ScalarType::Short:
      return kernels::NumberType::kInt16;
    case c10::ScalarType::Int:
      return kernels::NumberType::kInt32;
    case c10::ScalarType::Long:
      return kernels::NumberType::kInt64;
    default:
      return std::nullopt;
  }
}

void check_dense(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.defined() && tensor.device().is_cpu() && tensor.layout() == at::kStrided &&
                  tensor.is_non_overlapping_and_dense() && !tensor.is_conj() && !tensor.is_neg(),
              "collectives between processes of one host take tensors that are dense on the CPU; "
              "call contiguous(), resolve_conj() and resolve_neg() on it first");
}

char* data_of(const at::Tensor& tensor) { return static_cast<char*>(tensor.data_ptr()); }

std::shared_ptr<TensorCollective> make_collective(CollectiveKind kind, const at::Tensor& tensor) {
  check_dense(tensor);
  auto result = std::make_shared<TensorCollective>();
  result->signature.kind = kind;
  result->signature.called = kind;
  result->signature.type = tensor.scalar_type();
  result->signature.count = tensor.numel();
  result->bytes = static_cast<int64_t>(tensor.nbytes());
  result->tensors.push_back(tensor);
  return result;
}

void add_parts(Collective& collective, const std::vector<at::Tensor>& parts,
               std::vector<at::Tensor>& tensors) {
  for (const at::Tensor& part : parts) {
    check_dense(part);
    TORCH_CHECK(static_cast<int64_t>(part.nbytes()) == collective.bytes, "one of the tensors has ",
                part.nbytes(), " bytes, another ", collective.bytes,
                "; give every rank a tensor of the same size");
    tensors.push_back(part);
  }
}

// How values of a type are combined.
struct Combining {
  kernels::NumberType type;
  kernels::CombineOperation operation;
  int64_t divisor = 1;
};

Combining combining_of(c10::ScalarType type, c10d::ReduceOp::RedOpType operation, int64_t divisor) {
  const auto number_type = number_type_of(type);
  TORCH_CHECK(number_type, "values of type ", type,
              " cannot be combined over the processes; convert the tensor first");
  switch (operation) {
    case c10d::ReduceOp::AVG:
      TORCH_CHECK(c10::isFloatingType(type), "the mean of ", type,
                  " values is not an integer; convert the tensor to a floating type first");
      return {*number_type, kernels::CombineOperation::kSum, divisor};
    case c10d::ReduceOp::SUM:
      // Of truths the sum is whether one is true.
      return {*number_type, type == c10::ScalarType::Bool ? kernels::CombineOperation::kMax
                                                          : kernels::CombineOperation::kSum};
    case c10d::ReduceOp::MAX:
      return {*number_type, kernels::CombineOperation::kMax};
    case c10d::ReduceOp::MIN:
      return {*number_type, kernels::CombineOperation::kMin};
    default:
      TORCH_CHECK(false,
                  "processes of one host combine tensors by sum, mean, maximum or minimum; "
                  "use one of them");
  }
}

void set_operation(Collective& collective, c10d::ReduceOp::RedOpType operation, int64_t divisor) {
  const Combining combining = combining_of(collective.signature.type, operation, divisor);
  collective.number_type = combining.type;
  collective.signature.operation = combining.operation;
  collective.signature.divisor = combining.divisor;
}

}  // namespace

std::shared_ptr<TensorCollective> all_reduce_of(const at::Tensor& tensor,
                                                c10d::ReduceOp::RedOpType operation,
                                                int64_t divisor) {
  return reduce_of(tensor, tensor, operation, divisor);
}

std::shared_ptr<TensorCollective> reduce_of(const at::Tensor& input, const at::Tensor& result,
                                            c10d::ReduceOp::RedOpType operation, int64_t divisor) {
  auto collective = make_collective(CollectiveKind::kAllReduce, input);
  set_operation(*collective, operation, divisor);
  collective->inputs.push_back(data_of(input));
  if (result.defined()) {
    add_parts(*collective, {result}, collective->tensors);
    collective->outputs.push_back(data_of(result));
  }
  return collective;
}

std::shared_ptr<TensorCollective> broadcast_of(const at::Tensor& tensor, int root, bool is_root) {
  auto result = make_collective(CollectiveKind::kBroadcast, tensor);
  result->signature.root = root;
  if (is_root) {
    result->inputs.push_back(data_of(tensor));
  } else {
    result->outputs.push_back(data_of(tensor));
  }
  return result;
}

std::shared_ptr<TensorCollective> all_gather_of(const at::Tensor& input,
                                                const std::vector<at::Tensor>& outputs) {
  auto result = make_collective(CollectiveKind::kAllGather, input);
  add_parts(*result, outputs, result->tensors);
  result->inputs.push_back(data_of(input));
  for (const at::Tensor& output : outputs) result->outputs.push_back(data_of(output));
  return result;
}

std::shared_ptr<TensorCollective> reduce_scatter_of(const at::Tensor& output,
                                                    const std::vector<at::Tensor>& inputs,
                                                    c10d::ReduceOp::RedOpType operation,
                                                    int64_t divisor) {
  auto result = make_collective(CollectiveKind::kReduceScatter, output);
  add_parts(*result, inputs, result->tensors);
  set_operation(*result, operation, divisor);
  for (const at::Tensor& input : inputs) result->inputs.push_back(data_of(input));
  result->outputs.push_back(data_of(output));
  return result;
}

std::shared_ptr<TensorCollective> scatter_of(const at::Tensor& output,
                                             const std::vector<at::Tensor>& inputs, int root) {
  auto result = make_collective(CollectiveKind::kScatter, output);
  result->signature.root = root;
  add_parts(*result, inputs, result->tensors);
  for (const at::Tensor& input : inputs) result->inputs.push_back(data_of(input));
  result->outputs.push_back(data_of(output));
  return result;
}

std::shared_ptr<TensorCollective> barrier_of() { return std::make_shared<TensorCollective>(); }

void combine_into(const at::Tensor& result, const std::vector<at::Tensor>& sources,
                  c10d::ReduceOp::RedOpType operation) {
  const auto num_sources = static_cast<int>(sources.size());
  const Combining combining = combining_of(result.scalar_type(), operation, num_sources);
  std::vector<const void*> addresses;
  for (const at::Tensor& source : sources) addresses.push_back(data_of(source));
  kernels::combine({.sources = addresses.data(),
                    .num_sources = num_sources,
                    .destination = data_of(result),
                    .count = result.numel(),
                    .operation = combining.operation,
                    .divisor = combining.divisor},
                   combining.type);
}

void check_only_one(size_t size) {
  TORCH_CHECK(size == 1, "a collective of a process on the CPU takes one tensor, but was given ",
              size);
}

void check_one_each(size_t num_tensors, int num_processes) {
  TORCH_CHECK(num_tensors == static_cast<size_t>(num_processes), num_tensors, " tensors for ",
              num_processes, " processes; give one for each");
}

std::vector<at::Tensor> parts_of(const at::Tensor& tensor, int num_parts) {
  TORCH_CHECK(tensor.is_contiguous() && tensor.numel() % num_parts == 0, "a tensor of ",
              tensor.numel(), " elements cannot be divided into ", num_parts,
              " equal parts, one for each process; pad it first");
  return tensor.view({-1}).chunk(num_parts);
}

}  // namespace accelerate::internal
