#include "accelerate/checkpoint/registered_object.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <cstring>
#include <sstream>

namespace accelerate::internal {
namespace {

template <class Function>
void for_each_tensor(const torch::nn::Module& module, Function&& function) {
  const auto visit = [&](const auto& items) {
    for (const auto& item : items)
      if (item.value().defined()) function(item.key(), item.value());
  };
  visit(module.named_parameters());
  visit(module.named_buffers());
}

}  // namespace

State state_of_value(const at::Tensor& value) {
  State state;
  state.set(kValue, value.detach());
  return state;
}

void load_value(at::Tensor& value, const State& state) {
  const at::Tensor& saved = state.tensor(kValue);
  TORCH_CHECK(saved.sizes() == value.sizes(), "the saved tensor is of the sizes ", saved.sizes(),
              ", and the program's of ", value.sizes(), "; give it these before it is loaded");
  TORCH_CHECK(saved.scalar_type() == value.scalar_type() ||
                  (saved.is_floating_point() && value.is_floating_point()),
              "the saved tensor is ", saved.scalar_type(), ", and the program's ",
              value.scalar_type());
  c10::AutoGradMode no_grad(false);
  value.detach().copy_(saved);
}

State module_state(const torch::nn::Module& module) {
  State state;
  for_each_tensor(module, [&state](const std::string& name, const at::Tensor& tensor) {
    state.set(name, tensor.detach());
  });
  return state;
}

void check_module_state(const torch::nn::Module& module, const State& state,
                        std::string_view name) {
  const State own = module_state(module);
  std::ostringstream problems;
  for (const auto& [key, value] : own.values()) {
    const auto found = state.values().find(key);
    const auto* saved =
        found == state.values().end() ? nullptr : std::get_if<at::Tensor>(&found->second);
    if (saved == nullptr) {
      problems << "\n  " << key << " is missing";
    } else if (saved->sizes() != std::get<at::Tensor>(value).sizes()) {
      problems << "\n  " << key << " is of the sizes " << saved->sizes() << ", and the module's of "
               << std::get<at::Tensor>(value).sizes();
    }
  }
  for (const auto& [key, value] : state.values())
    if (!own.contains(key)) problems << "\n  " << key << " is not in the module";
  TORCH_CHECK(problems.str().empty(), "the state of `", name,
              "` is of another module:", problems.str());
}

void load_module_state(torch::nn::Module& module, const State& state) {
  c10::AutoGradMode no_grad(false);
  for_each_tensor(module, [&state](const std::string& key, const at::Tensor& tensor) {
    tensor.detach().copy_(state.tensor(key));
  });
}

State archive_state(torch::serialize::OutputArchive& archive) {
  std::ostringstream out;
  archive.save_to(out);
  const std::string bytes = out.str();
  at::Tensor tensor = at::empty({static_cast<int64_t>(bytes.size())}, at::kByte);
  std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  State state;
  state.set(kArchiveName, tensor);
  return state;
}

torch::serialize::InputArchive archive_of(const State& state, c10::Device device) {
  const at::Tensor bytes = state.tensor(kArchiveName).contiguous();
  torch::serialize::InputArchive archive;
  archive.load_from(static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes(), device);
  return archive;
}

}  // namespace accelerate::internal
