// What operators of LibTorch compute in a step: enough to tell afterwards which one was the first
// whose result was NaN, and which one made an infinity of finite numbers.
//
//   OperatorLog log;
//   loss_of(net->forward(x)).backward();
//   const FoundOperators found = log.find(named_parameters);
//   if (found.nan) std::cout << found.nan->name;   // aten::log
//   log.clear();
//
// It looks at what this thread computes with gradients, and at autograd's work for it, in whichever
// thread. The least and the largest number of each result stay on its device until find() reads
// them. Tensors are not kept. Part of the Watch; not for others.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accelerate/layout/named_parameter.h"

namespace accelerate::internal {

struct FoundOperator {
  // "aten::div".
  std::string name;
  // In a backward pass, autograd's node that called it ("SqrtBackward0"), and the operator of the
  // forward pass that the node is of, where that is known. Empty in the forward pass.
  std::string node;
  std::string forward_name;
  // The parameter that the operator, or the one of the forward pass, uses; or else the one that was
  // used last before it. Empty where none was.
  std::string parameter;
  bool uses_parameter = false;
};

struct FoundOperators {
  std::optional<FoundOperator> nan;
  // Before any NaN. It need not be a fault, as log(0) where its weight is 0.
  std::optional<FoundOperator> infinity;
  // Whether there were more operators than are kept, so that one before these may be to blame.
  bool is_cut = false;
};

// The least and the largest number of a tensor, 0-dim and on its device: both NaN where one is.
// None of an empty tensor, or one of whole numbers.
struct Extremes {
  at::Tensor least;
  at::Tensor largest;

  bool has_nan() const;
  bool has_infinity() const;
};
std::optional<Extremes> extremes_of(const at::Tensor& tensor);
// Waits for the device.
bool is_finite(const at::Tensor& tensor);

class OperatorLog {
 public:
  // Where a program computes with gradients and takes no step. Where there are more, the older half
  // is forgotten.
  static constexpr size_t kMostOperators = 50'000;

  // One at a time in a process; throws c10::Error where there is one.
  OperatorLog();
  OperatorLog(const OperatorLog&) = delete;
  OperatorLog& operator=(const OperatorLog&) = delete;
  // In the same thread.
  ~OperatorLog();

  // Of what was computed since the last clear(). The parameters are where they were then.
  FoundOperators find(const std::vector<NamedParameter>& parameters) const;
  void clear();

 private:
  using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

  struct Input {
    const void* data;
    WeakTensor tensor;
    const void* storage;
    // When the operator began.
    uint32_t version;
  };
  struct Output {
    const void* data;
    Extremes extremes;
  };
  struct Operator {
    const std::string* name;
    // Null in the forward pass.
    const std::string* node;
    // By which autograd's node and the operator of the forward pass find each other.
    int64_t sequence_number;
    bool has_infinite_argument;
    std::vector<Input> inputs;
    std::vector<Output> outputs;
  };
  // Node of autograd that a thread is in.
  struct Node {
    const std::string* name = nullptr;
    int64_t sequence_number = -1;
    // Whether it adds to a `.grad`, and calls what waits for that.
    bool accumulates = false;
  };
  struct BegunOperator;
  struct BegunNode;

  static std::unique_ptr<at::ObserverContext> begin_operator(const at::RecordFunction& function);
  static void end_operator(const at::RecordFunction& function, at::ObserverContext* begun);
  static std::unique_ptr<at::ObserverContext> begin_node(const at::RecordFunction& function);
  static void end_node(const at::RecordFunction& function, at::ObserverContext* begun);

  void add(const at::RecordFunction& function, BegunOperator& begun);
  // The same text, kept for as long as the log is there.
  const std::string* kept(std::string_view name);
  // How many were added since the last clear().
  size_t num_added() const;

  static thread_local Node node_;

  at::CallbackHandle operators_callback_;
  at::CallbackHandle nodes_callback_;
  // Autograd has threads of its own for GPUs.
  mutable std::mutex mutex_;
  std::set<std::string, std::less<>> names_;
  std::vector<Operator> operators_;
  // Those that were forgotten since the last clear().
  size_t num_forgotten_ = 0;
};

}  // namespace accelerate::internal
