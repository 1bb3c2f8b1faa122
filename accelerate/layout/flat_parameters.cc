#include "accelerate/layout/flat_parameters.h"

#include <algorithm>
#include <map>
#include <utility>

#include "accelerate/layout/flat_buffer.h"

namespace accelerate {
namespace {

ParameterSlots lay_out(std::vector<NamedParameter> parameters) {
  std::reverse(parameters.begin(), parameters.end());
  std::map<TypeAndDevice, FlatBuffer> buffers;
  std::vector<int64_t> offsets(parameters.size(), -1);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor& tensor = parameters[i].tensor;
    if (!ParameterSlots::is_movable(tensor)) continue;
    const auto buffer =
        buffers.try_emplace(type_and_device(tensor), tensor.scalar_type(), tensor.device()).first;
    offsets[i] = buffer->second.reserve(tensor.numel());
  }
  for (auto& [key, buffer] : buffers) buffer.allocate();
  std::vector<at::Tensor> slots(parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (offsets[i] < 0) continue;
    const at::Tensor& tensor = parameters[i].tensor;
    slots[i] =
        buffers.at(type_and_device(tensor)).slot(offsets[i], tensor.sizes(), dense_strides(tensor));
  }
  return ParameterSlots(std::move(parameters), std::move(slots));
}

}  // namespace

FlatParameters::FlatParameters(std::vector<NamedParameter> parameters)
    : slots_(lay_out(std::move(parameters))) {}

}  // namespace accelerate
