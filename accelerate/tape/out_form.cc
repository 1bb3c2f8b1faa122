#include "accelerate/tape/out_form.h"

#include <torch/csrc/jit/runtime/operator.h>

#include <string_view>
#include <unordered_set>

#include "accelerate/libtorch/tested_version.h"

namespace accelerate::internal {
namespace {

// Element by element, or one of those that take the most time in a training step.
bool keeps_given_memory(const c10::OperatorHandle& op) {
  static const std::unordered_set<std::string_view> known = {
      "aten::_log_softmax",
      "aten::_log_softmax_backward_data",
      "aten::_softmax",
      "aten::_softmax_backward_data",
      "aten::addmm",
      "aten::baddbmm",
      "aten::bmm",
      "aten::cat",
      "aten::mean",
      "aten::mm",
      "aten::nll_loss_backward",
      "aten::nll_loss_forward",
      "aten::sum",
  };
  return op.hasTag(at::Tag::pointwise) || known.contains(op.schema().name());
}

bool is_out_form_of(const c10::FunctionSchema& form, const c10::FunctionSchema& schema) {
  const size_t given = schema.arguments().size(), results = schema.returns().size();
  if (form.arguments().size() != given + results) return false;
  for (size_t i = 0; i < given; ++i) {
    const c10::Argument& mine = form.arguments()[i];
    const c10::Argument& theirs = schema.arguments()[i];
    if (mine.name() != theirs.name() || *mine.type() != *theirs.type()) return false;
    if (mine.alias_info() != nullptr && mine.alias_info()->isWrite()) return false;
  }
  for (size_t i = given; i < form.arguments().size(); ++i) {
    if (!form.arguments()[i].is_out()) return false;
  }
  return true;
}

}  // namespace

std::optional<c10::OperatorHandle> out_form(const c10::OperatorHandle& op) {
  const c10::FunctionSchema& schema = op.schema();
  if (!keeps_given_memory(op)) return std::nullopt;
  for (const c10::Argument& result : schema.returns()) {
    if (result.type()->kind() != c10::TypeKind::TensorType) return std::nullopt;
  }
  const auto name = c10::Symbol::fromQualString(schema.name());
  for (const auto& other : torch::jit::getAllOperatorsFor(name)) {
    if (!is_out_form_of(other->schema(), schema)) continue;
    const auto handle =
        c10::Dispatcher::singleton().findSchema({schema.name(), other->schema().overload_name()});
    if (handle && !handle->hasTag(at::Tag::generated)) return handle;
  }
  return std::nullopt;
}

}  // namespace accelerate::internal
