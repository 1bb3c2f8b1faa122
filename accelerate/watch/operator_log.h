// Logs what operators of LibTorch compute in a step: enough to tell afterwards which one was the
// first whose result was NaN, and which one made an infinity from finite numbers.
//
//   OperatorLog log;
//   loss_of(net->forward(x)).backward();
//   const FoundOperators found = log.find(named_parameters);
//   if (found.nan) std::cout << found.nan->name;   // aten::log
//   log.clear();
//
// It looks at what this thread computes with gradients, and at autograd's work for it in any
// thread. It leaves the least and the largest number of each result on the result's device until
// find() reads them, and keeps no tensors. Part of the Watch; not for others.
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
  // forward pass that the node belongs to, if that is known. Empty in the forward pass.
  std::string node;
  std::string forward_name;
  // The parameter that the operator, or that of the forward pass, uses; otherwise the last one that
  // was used before it. Empty if there was none.
  std::string parameter;
  bool uses_parameter = false;
};

struct FoundOperators {
  std::optional<FoundOperator> nan;
  // An infinity before any NaN. It need not be a fault: log(0) may have a weight of 0.
  std::optional<FoundOperator> infinity;
  // Whether there were more operators than are kept, so that an earlier one may be to blame.
  bool is_cut = false;
};

// The least and the largest number of a tensor, 0-dim and on its device; both are NaN if one number
// is. An empty tensor, or one of whole numbers, has none.
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
  // The limit for a program that computes with gradients and takes no step. If there are more
  // operators, the older half is forgotten.
  static constexpr size_t kMostOperators = 50'000;

  // A process can have one at a time; throws c10::Error if there is one already.
  OperatorLog();
  OperatorLog(const OperatorLog&) = delete;
  OperatorLog& operator=(const OperatorLog&) = delete;
  // Must run in the thread that made the log.
  ~OperatorLog();

  // Looks at what was computed since the last clear(). The parameters must be where they were then.
  FoundOperators find(const std::vector<NamedParameter>& parameters) const;
  void clear();

 private:
  using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

  struct Input {
    const void* data;
    WeakTensor tensor;
    const void* storage;
    // The version when the operator began.
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
    // The number that autograd's node and the operator of the forward pass have in common.
    int64_t sequence_number;
    bool has_infinite_argument;
    std::vector<Input> inputs;
    std::vector<Output> outputs;
  };
  // The node of autograd that a thread is in.
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
  // The same text, kept as long as the log exists.
  const std::string* kept(std::string_view name);
  // How many operators were added since the last clear().
  size_t num_added() const;

  static thread_local Node node_;

  at::CallbackHandle operators_callback_;
  at::CallbackHandle nodes_callback_;
  // Autograd uses separate threads for GPUs.
  mutable std::mutex mutex_;
  std::set<std::string, std::less<>> names_;
  std::vector<Operator> operators_;
  // How many operators were forgotten since the last clear().
  size_t num_forgotten_ = 0;
};

}  // namespace accelerate::internal
