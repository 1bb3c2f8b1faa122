#include "accelerate/state/shared_state.h"

#include <ATen/core/Dict.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <torch/serialize.h>

#include <map>
#include <string>
#include <vector>

#include "accelerate/comm/tensor_broadcast.h"

namespace accelerate {
namespace {

using Manifest = c10::Dict<std::string, c10::IValue>;

// Numbers and texts themselves, and of a tensor its type and sizes.
c10::IValue manifest_entry(const StateValue& value) {
  if (const auto* tensor = std::get_if<at::Tensor>(&value)) {
    std::vector<int64_t> shape{static_cast<int64_t>(tensor->scalar_type())};
    shape.insert(shape.end(), tensor->sizes().begin(), tensor->sizes().end());
    return shape;
  }
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  if (const auto* number = std::get_if<double>(&value)) return *number;
  return std::get<std::string>(value);
}

std::string manifest_of(const State& state) {
  c10::impl::GenericDict manifest(c10::StringType::get(), c10::AnyType::get());
  for (const auto& [name, value] : state.values()) manifest.insert(name, manifest_entry(value));
  const std::vector<char> bytes = torch::pickle_save(manifest);
  return {bytes.begin(), bytes.end()};
}

at::Tensor place_for(const State& own, const std::string& name, const std::vector<int64_t>& shape,
                     c10::Device device) {
  const auto type = static_cast<c10::ScalarType>(shape.at(0));
  const at::IntArrayRef sizes(shape.data() + 1, shape.size() - 1);
  if (own.contains(name)) {
    const auto* there = std::get_if<at::Tensor>(&own.values().at(name));
    if (there != nullptr && there->scalar_type() == type && there->sizes() == sizes &&
        there->device() == device)
      return *there;
  }
  return at::empty(sizes, at::TensorOptions(type).device(device));
}

}  // namespace

State broadcast_state(Communicator& communicator, c10::Device device, const State& own, int root) {
  if (communicator.size() == 1) return own;
  const bool is_root = communicator.rank() == root;
  const std::string bytes = communicator.broadcast_bytes(is_root ? manifest_of(own) : "", root);
  const auto manifest = torch::pickle_load({bytes.begin(), bytes.end()}).toGenericDict();
  State result;
  std::vector<at::Tensor> tensors;
  // In the order of their names, as the root has them.
  std::map<std::string, c10::IValue> entries;
  for (const auto& entry : manifest) entries.emplace(entry.key().toStringRef(), entry.value());
  for (const auto& [name, entry] : entries) {
    if (entry.isInt()) {
      result.set(name, entry.toInt());
    } else if (entry.isDouble()) {
      result.set(name, entry.toDouble());
    } else if (entry.isString()) {
      result.set(name, entry.toStringRef());
    } else {
      const at::Tensor place =
          is_root ? own.tensor(name).to(device) : place_for(own, name, entry.toIntVector(), device);
      tensors.push_back(place);
      result.set(name, place);
    }
  }
  broadcast_tensors(communicator, tensors, root);
  return result;
}

}  // namespace accelerate
