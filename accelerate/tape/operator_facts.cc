#include "accelerate/tape/operator_facts.h"

#include <algorithm>
#include <initializer_list>

#include "accelerate/tape/values.h"

namespace accelerate::internal {
namespace {

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [text](std::string_view each) { return text.starts_with(each); });
}

}  // namespace

bool makes_blank(std::string_view name) {
  return starts_with_any(name, {"aten::empty", "aten::new_empty"});
}

bool overwrites(const c10::FunctionSchema& schema, size_t argument) {
  const std::string_view name = schema.name();
  if (starts_with_any(name, {"aten::rrelu_with_noise"}))
    return schema.arguments()[argument].name() == "noise";
  return schema.arguments()[argument].is_out() ||
         (argument == 0 &&
          starts_with_any(name,
                          {"aten::fill_", "aten::zero_", "aten::copy_", "aten::bernoulli_",
                           "aten::normal_", "aten::uniform_", "aten::random_", "aten::exponential_",
                           "aten::cauchy_", "aten::geometric_", "aten::log_normal_"}));
}

bool is_view(const c10::OperatorHandle& op) {
  const auto& arguments = op.schema().arguments();
  return op.hasTag(at::Tag::inplace_view) ||
         std::any_of(arguments.begin(), arguments.end(), [](const c10::Argument& each) {
           return each.alias_info() != nullptr && !each.alias_info()->isWrite();
         });
}

bool is_comparison(const c10::OperatorHandle& op) { return op.schema().name() == "aten::equal"; }

bool are_one(const at::Tensor& one, const at::Tensor& other) {
  return one.is_alias_of(other) && one.storage_offset() == other.storage_offset() &&
         one.sizes() == other.sizes() && one.strides() == other.strides() &&
         one.is_conj() == other.is_conj() && one.is_neg() == other.is_neg();
}

// Numbers that follow from the sizes and types of tensors alone are asked for without an operator,
// or with one of LibTorch's own.
bool returns_number(const c10::OperatorHandle& op) {
  const c10::FunctionSchema& schema = op.schema();
  if (starts_with_any(schema.name(), {"aten::"})) return schema.name() == "aten::is_nonzero";
  return std::any_of(schema.returns().begin(), schema.returns().end(),
                     [](const c10::Argument& each) {
                       return each.type()->isSubtypeOf(c10::NumberType::get()) ||
                              each.type()->kind() == c10::TypeKind::BoolType;
                     });
}

const char* obstacle_of(const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> arguments) {
  if ((op.hasTag(at::Tag::data_dependent_output) && !is_comparison(op)) || returns_number(op))
    return "reads a value on the host, as item() does; return the tensor from the step instead";
  static constexpr char kSized[] = "has a result whose size depends on values";
  // Which LibTorch does not say of it.
  if (op.schema().name() == "aten::_pack_padded_sequence") return kSized;
  if (!op.hasTag(at::Tag::dynamic_output_shape)) return nullptr;
  // Dynamic only with masks.
  bool masks = op.schema().name() != "aten::index";
  for_each_tensor(arguments.back(), [&](const at::Tensor& index) {
    masks = masks || index.scalar_type() == at::kBool || index.scalar_type() == at::kByte;
  });
  return masks ? kSized : nullptr;
}

}  // namespace accelerate::internal
