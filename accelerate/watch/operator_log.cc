#include "accelerate/watch/operator_log.h"

#include <ATen/core/ivalue.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/view_as_real.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "accelerate/libtorch/tested_version.h"

namespace accelerate::internal {
namespace {

// A callback has no state of its own.
std::atomic<OperatorLog*> current = nullptr;

// Whose results are whatever was in that memory before.
bool leaves_memory_as_it_was(std::string_view name) {
  return name.find("empty") != std::string_view::npos || name == "aten::resize_" ||
         name == "aten::set_";
}

bool casts(std::string_view name) { return name == "aten::_to_copy" || name == "aten::to"; }

bool has_memory(const at::Tensor& tensor) {
  return tensor.defined() && tensor.layout() == at::kStrided && tensor.has_storage() &&
         (tensor.is_cpu() || tensor.is_cuda());
}

uint32_t version_of(const at::Tensor& tensor) {
  return tensor.is_inference() ? 0 : tensor._version();
}

// Whether it stands for such a number of the program, and for no longer than the operator runs.
bool is_infinite_number(const at::Tensor& tensor) {
  return tensor.unsafeGetTensorImpl()->is_wrapped_number() && tensor.is_cpu() &&
         tensor.scalar_type() == at::kDouble && std::isinf(*tensor.const_data_ptr<double>());
}

template <class Visit>
void visit_values(const c10::IValue& value, Visit&& visit) {
  if (value.isTensor()) {
    visit(value.toTensor());
  } else if (value.isTensorList()) {
    for (const at::Tensor& each : value.toTensorVector()) visit(each);
  } else if (value.isOptionalTensorList()) {
    for (const std::optional<at::Tensor>& each : value.toOptionalTensorVector())
      if (each) visit(*each);
  }
}

}  // namespace

bool Extremes::has_nan() const { return std::isnan(least.item<double>()); }
bool Extremes::has_infinity() const {
  return std::isinf(least.item<double>()) || std::isinf(largest.item<double>());
}

std::optional<Extremes> extremes_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return std::nullopt;
  if (tensor.is_sparse()) return extremes_of(tensor._values());
  if (!has_memory(tensor) || tensor.numel() == 0) return std::nullopt;
  const c10::ScalarType type = tensor.scalar_type();
  c10::AutoGradMode no_grad(false);
  if (type == at::kComplexFloat || type == at::kComplexDouble)
    return extremes_of(at::view_as_real(tensor.detach().resolve_conj()));
  if (type != at::kFloat && type != at::kDouble && type != at::kHalf && type != at::kBFloat16)
    return std::nullopt;
  auto [least, largest] = at::aminmax(tensor.detach());
  return Extremes{std::move(least), std::move(largest)};
}

bool is_finite(const at::Tensor& tensor) {
  const auto extremes = extremes_of(tensor);
  return !extremes || !(extremes->has_nan() || extremes->has_infinity());
}

struct OperatorLog::BegunOperator final : at::ObserverContext {
  std::vector<Input> inputs;
  bool has_infinite_argument = false;
  // How many the log had been given by then.
  size_t num_added = 0;
};

struct OperatorLog::BegunNode final : at::ObserverContext {
  Node outside;
};

thread_local OperatorLog::Node OperatorLog::node_;

OperatorLog::OperatorLog() {
  OperatorLog* none = nullptr;
  TORCH_CHECK(current.compare_exchange_strong(none, this),
              "watch(): another Accelerator of this process is already looking for numbers that "
              "are not finite; stop it with watch({.non_finite = false})");
  // What a node gets is not asked for: autograd takes over gradients that nobody else holds.
  operators_callback_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(&OperatorLog::begin_operator, &OperatorLog::end_operator)
          .needsInputs(true)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION}));
  nodes_callback_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(&OperatorLog::begin_node, &OperatorLog::end_node)
          .scopes({at::RecordScope::BACKWARD_FUNCTION}));
}

OperatorLog::~OperatorLog() {
  at::removeCallback(operators_callback_);
  at::removeCallback(nodes_callback_);
  current = nullptr;
}

const std::string* OperatorLog::kept(std::string_view name) {
  const std::lock_guard lock(mutex_);
  auto place = names_.find(name);
  if (place == names_.end()) place = names_.emplace(name).first;
  return &*place;
}

size_t OperatorLog::num_added() const {
  const std::lock_guard lock(mutex_);
  return num_forgotten_ + operators_.size();
}

void OperatorLog::clear() {
  const std::lock_guard lock(mutex_);
  operators_.clear();
  num_forgotten_ = 0;
}

std::unique_ptr<at::ObserverContext> OperatorLog::begin_node(const at::RecordFunction& function) {
  OperatorLog* log = current;
  if (log == nullptr) return nullptr;
  auto begun = std::make_unique<BegunNode>();
  const std::string_view name = function.name();
  begun->outside = std::exchange(
      node_, Node{log->kept(name), function.seqNr(),
                  name.find("AccumulateGrad") != std::string_view::npos || node_.accumulates});
  return begun;
}

void OperatorLog::end_node(const at::RecordFunction& /*function*/, at::ObserverContext* begun) {
  if (begun != nullptr) node_ = static_cast<BegunNode*>(begun)->outside;
}

std::unique_ptr<at::ObserverContext> OperatorLog::begin_operator(
    const at::RecordFunction& function) {
  const OperatorLog* log = current;
  if (log == nullptr || node_.accumulates) return nullptr;
  if (node_.name == nullptr && !c10::GradMode::is_enabled()) return nullptr;
  auto begun = std::make_unique<BegunOperator>();
  begun->num_added = log->num_added();
  for (const c10::IValue& value : function.inputs()) {
    if (value.isDouble()) begun->has_infinite_argument |= std::isinf(value.toDouble());
    visit_values(value, [&](const at::Tensor& tensor) {
      if (!has_memory(tensor)) return;
      begun->has_infinite_argument |= is_infinite_number(tensor);
      begun->inputs.push_back({tensor.const_data_ptr(), WeakTensor(tensor.getIntrusivePtr()),
                               tensor.storage().unsafeGetStorageImpl(), version_of(tensor)});
    });
  }
  return begun;
}

void OperatorLog::end_operator(const at::RecordFunction& function, at::ObserverContext* begun) {
  OperatorLog* log = current;
  if (log != nullptr && begun != nullptr) log->add(function, *static_cast<BegunOperator*>(begun));
}

void OperatorLog::add(const at::RecordFunction& function, BegunOperator& begun) {
  // What it calls itself is of no interest.
  const at::DisableRecordFunctionGuard unseen;
  if (leaves_memory_as_it_was(function.name())) return;
  Operator op = {kept(function.name()),
                 node_.name,
                 node_.name == nullptr ? function.seqNr() : node_.sequence_number,
                 begun.has_infinite_argument,
                 {},
                 {}};
  const auto is_a_mere_view = [&begun](const at::Tensor& output) {
    return std::any_of(begun.inputs.begin(), begun.inputs.end(), [&](const Input& input) {
      return input.storage == output.storage().unsafeGetStorageImpl() &&
             input.version == version_of(output);
    });
  };
  // By an operator that this one has called, and that autograd may not know of.
  const auto was_added_within = [&](const at::Tensor& output) {
    const std::lock_guard lock(mutex_);
    if (operators_.empty() || num_forgotten_ + operators_.size() <= begun.num_added) return false;
    Operator& last = operators_.back();
    const bool is_the_same =
        std::any_of(last.outputs.begin(), last.outputs.end(),
                    [&output](const Output& each) { return each.data == output.const_data_ptr(); });
    if (is_the_same && last.sequence_number < 0) last.sequence_number = op.sequence_number;
    return is_the_same;
  };
  for (const c10::IValue& value : function.outputs()) {
    visit_values(value, [&](const at::Tensor& output) {
      if (!output.defined()) return;
      if (has_memory(output) && (is_a_mere_view(output) || was_added_within(output))) return;
      const auto extremes = extremes_of(output);
      if (!extremes) return;
      op.outputs.push_back({has_memory(output) ? output.const_data_ptr() : nullptr, *extremes});
    });
  }
  if (op.outputs.empty()) return;
  op.inputs = std::move(begun.inputs);
  const std::lock_guard lock(mutex_);
  if (operators_.size() == kMostOperators) {
    operators_.erase(operators_.begin(), operators_.begin() + kMostOperators / 2);
    num_forgotten_ += kMostOperators / 2;
  }
  operators_.push_back(std::move(op));
}

FoundOperators OperatorLog::find(const std::vector<NamedParameter>& parameters) const {
  const at::DisableRecordFunctionGuard unseen;
  const std::lock_guard lock(mutex_);
  FoundOperators found;
  found.is_cut = num_forgotten_ > 0;
  // By where they lie: parameters; what they were cast to; whether what operators have written has
  // infinities.
  std::unordered_map<const void*, const std::string*> names, casted;
  std::unordered_map<const void*, bool> written;
  for (const NamedParameter& parameter : parameters) {
    if (has_memory(parameter.tensor) && parameter.tensor.numel() > 0)
      names.emplace(parameter.tensor.const_data_ptr(), &parameter.name);
  }
  struct Use {
    const std::string* name = nullptr;
    const std::string* parameter = nullptr;
    bool is_own = false;
  };
  std::unordered_map<int64_t, Use> forward;
  const std::string* last_parameter = nullptr;

  const auto is_given_infinity = [&written](const Operator& op) {
    return op.has_infinite_argument ||
           std::any_of(op.inputs.begin(), op.inputs.end(), [&written](const Input& input) {
             if (const auto known = written.find(input.data); known != written.end())
               return known->second;
             const auto there = input.tensor.lock();
             return there.defined() && !is_finite(at::Tensor(there));
           });
  };
  for (const Operator& op : operators_) {
    const std::string* own = nullptr;
    for (const Input& input : op.inputs) {
      for (const auto* each : {&names, &casted}) {
        const auto place = each->find(input.data);
        if (own == nullptr && place != each->end()) own = place->second;
      }
    }
    Use use{op.name, own, own != nullptr};
    if (op.node == nullptr) {
      if (own != nullptr) last_parameter = own;
      if (own == nullptr) use.parameter = last_parameter;
      if (op.sequence_number >= 0) forward[op.sequence_number] = use;
    } else {
      const auto place = forward.find(op.sequence_number);
      use = place != forward.end() ? place->second : Use{};
    }
    bool has_nan = false, has_infinity = false;
    for (const Output& output : op.outputs) {
      has_nan = has_nan || output.extremes.has_nan();
      has_infinity = has_infinity || output.extremes.has_infinity();
    }
    std::optional<FoundOperator>* place = has_nan ? &found.nan : nullptr;
    if (!has_nan && has_infinity && !found.infinity && !is_given_infinity(op))
      place = &found.infinity;
    if (place != nullptr) {
      *place =
          FoundOperator{.name = *op.name,
                        .node = op.node == nullptr ? "" : *op.node,
                        .forward_name = op.node == nullptr || use.name == nullptr ? "" : *use.name,
                        .parameter = use.parameter == nullptr ? "" : *use.parameter,
                        .uses_parameter = use.is_own};
    }
    if (has_nan) return found;
    for (const Output& output : op.outputs) {
      written[output.data] = output.extremes.has_infinity();
      if (own != nullptr && casts(*op.name)) {
        casted[output.data] = own;
      } else {
        casted.erase(output.data);
      }
    }
  }
  return found;
}

}  // namespace accelerate::internal
